//! The program as a user meets it: exit codes, messages, files, signals. Every test starts the binary in a folder of its own.

mod activations;
mod cluster;
mod commands;
mod compare;
mod compare_models;
mod data;
mod devices;
mod digits;
mod epochs;
mod errors;
mod export;
mod insights;
mod interrupt;
mod limits;
mod models;
mod pipeline;
mod report;
mod resume;
mod server;
mod support;
mod tables;
