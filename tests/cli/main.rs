//! The program as a user meets it: exit codes, messages, files, signals. Every test starts the binary in a folder of its own.

mod cluster;
mod commands;
mod devices;
mod errors;
mod interrupt;
mod limits;
mod pipeline;
mod support;
mod tables;
