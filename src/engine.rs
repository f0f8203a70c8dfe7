//! Runners and objects: how they are made, named, found and stopped.

pub(crate) mod builder;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod factory;
pub(crate) mod handle;
pub(crate) mod inline;
pub(crate) mod launch;
#[cfg(feature = "profile")]
pub(crate) mod profile;
pub(crate) mod registry;
pub(crate) mod runner;
mod runners;
mod shutdown;
pub(crate) mod similar;
pub(crate) mod spawn;
pub(crate) mod spawning;
mod spinning;
