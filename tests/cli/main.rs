//! The program as a user meets it: exit codes, messages, files, signals. Every test starts the binary in a folder of its own.

mod commands;
mod data;
mod devices;
mod errors;
mod interrupt;
mod limits;
mod pipeline;
mod server;
mod support;
mod tables;
