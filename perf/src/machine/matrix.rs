//! Latencies between CPUs: what two threads pay that pass a cache line to and fro.

mod classes;
mod heat;
mod matrix;
mod measure;
mod plan;
mod report;
mod svg;

pub use classes::{Class, ClassFigures, Outlier};
pub use heat::text;
pub use matrix::Matrix;
pub use measure::{Pair, pair};
pub use plan::{Plan, SMALL};
pub use report::{Repeat, Report, SCHEMA};
pub use svg::svg;
