//! What makes servants.

use crate::object::active::Active;
use crate::object::failure::policy::MakeServant;
use std::fmt;
use std::marker::PhantomData;

/// What makes a servant: a closure that returns it, or a `Result` with it.
///
/// It runs on the runner's thread, so the servant itself need not be `Send`: once, unless the object is
/// restarted.
pub trait Factory<S, M>: Send + 'static {
    /// Makes the servant, or says why not.
    fn make(self) -> Result<S, String>;
}

/// Marks factories that can't fail.
#[derive(Debug)]
pub enum Plain {}

/// Marks factories that return a `Result` with this error.
pub struct Fallible<E>(PhantomData<E>);

impl<S: Active, F: FnOnce() -> S + Send + 'static> Factory<S, Plain> for F {
    fn make(self) -> Result<S, String> {
        Ok(self())
    }
}

impl<S, E, F> Factory<S, Fallible<E>> for F
where
    S: Active,
    E: fmt::Display,
    F: FnOnce() -> Result<S, E> + Send + 'static,
{
    fn make(self) -> Result<S, String> {
        self().map_err(|error| error.to_string())
    }
}

/// A [`Factory`] that can make servants again and again: for objects that are restarted.
pub trait FactoryMut<S, M>: Factory<S, M> {
    /// Makes a servant, or says why not.
    fn make_again(&mut self) -> Result<S, String>;
}

impl<S: Active, F: FnMut() -> S + Send + 'static> FactoryMut<S, Plain> for F {
    fn make_again(&mut self) -> Result<S, String> {
        Ok(self())
    }
}

impl<S, E, F> FactoryMut<S, Fallible<E>> for F
where
    S: Active,
    E: fmt::Display,
    F: FnMut() -> Result<S, E> + Send + 'static,
{
    fn make_again(&mut self) -> Result<S, String> {
        self().map_err(|error| error.to_string())
    }
}

pub(crate) fn keep<S, M, F: FactoryMut<S, M>>(mut factory: F) -> MakeServant<S> {
    Box::new(move || factory.make_again())
}
