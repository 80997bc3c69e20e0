#![doc = include_str!("../README.md")]

mod address;
mod chat;
mod embed;
mod text;

pub use chat::SageMakerChat;
pub use text::SageMaker;
