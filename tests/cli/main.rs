//! The program as a user meets it: exit codes, messages, files, signals. Every test starts the
//! binary in a folder of its own.
#![allow(clippy::too_many_lines, reason = "a test is read as one story")]

mod activations;
mod bench;
mod changed;
mod claims;
mod classes;
mod cluster;
mod colour;
mod commands;
mod compare;
mod compare_models;
mod config;
mod console;
mod damaged;
mod data;
mod devices;
mod digits;
mod embed_page;
mod epochs;
mod errors;
mod export;
mod fit_sample;
mod insights;
mod interrupt;
mod json;
mod keras;
mod labels;
mod limits;
mod lost;
mod models;
#[cfg(feature = "onnx")]
mod onnx;
mod outputs;
mod own_data;
mod pipeline;
mod profile;
mod reference;
mod report;
mod resume;
mod server;
mod strangers;
mod streams;
mod support;
mod tables;
mod told;
mod transform;
