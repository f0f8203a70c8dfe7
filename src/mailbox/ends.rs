//! What the kinds of rings have in common, said once.
//!
//! Each kind has types of its own for its two ends, so that their documentation says what they are.
//! These macros write what is the same in all of them. They are used in files that have types named
//! `Producer`, `Consumer`, `Ring` and `Bell`, and need `close`, `len` and `capacity` of a `Ring`,
//! and `has_any` and `before` of a `Consumer`.

/// What a producer and a consumer have: `end!(Producer, "spsc", "How many requests fit.")`.
macro_rules! end {
    ($End:ident, $module:literal, $capacity:literal) => {
        impl<T: Send, B: Bell> $End<T, B> {
            /// Ends admission, for all producers. The consumer can still take what was accepted.
            /// Idempotent.
            pub fn close(&self) {
                self.ring.close();
            }

            /// Requests accepted and not yet served; exact only while nothing moves.
            pub fn len(&self) -> usize {
                self.ring.len()
            }

            /// Whether [`len`](Self::len) is 0.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            #[doc = $capacity]
            pub fn capacity(&self) -> usize {
                self.ring.capacity()
            }
        }

        impl<T: Send, B: Bell> std::fmt::Debug for $End<T, B> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(concat!($module, "::", stringify!($End)))
                    .field("capacity", &self.capacity())
                    .finish_non_exhaustive()
            }
        }
    };
}

/// What every producer has, beside `push` and `push_batch`.
macro_rules! producer {
    ($module:literal, $capacity:literal) => {
        crate::mailbox::ends::end!(Producer, $module, $capacity);

        impl<T, B> crate::mailbox::sealed::Producer<T, B> for Producer<T, B>
        where
            T: Send + 'static,
            B: Bell,
        {
            type Ring = Ring<T, B>;

            #[inline(always)]
            fn push(&self, value: T) -> Result<(), PushError<T>> {
                Producer::push(self, value)
            }

            fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
            where
                I: ExactSizeIterator<Item = T>,
            {
                Producer::push_batch(self, values)
            }

            #[inline(always)]
            fn ring(&self) -> &IntrusiveArc<Ring<T, B>> {
                &self.ring
            }
        }
    };
}

/// What every consumer has, beside `drain`, `peek` and `cool`. `$unready` is what a pop says of a
/// request that came while it looked.
macro_rules! consumer {
    ($module:literal, $unready:ident, $capacity:literal) => {
        crate::mailbox::ends::end!(Consumer, $module, $capacity);

        impl<T: Send, B: Bell> Consumer<T, B> {
            /// Takes the next request, or says why there is none.
            ///
            /// Only the consumer of an [`mpsc`](crate::mailbox::mpsc) mailbox may find
            /// [`Pop::InFlight`](crate::mailbox::Pop::InFlight).
            ///
            /// # Blocking
            /// Never.
            pub fn pop(&mut self) -> crate::mailbox::Pop<T> {
                use crate::mailbox::Pop;

                let mut taken = None;
                self.drain(1, |request, _| taken = Some(request));
                match (taken, self.peek()) {
                    (Some(request), _) => Pop::Request(request),
                    (None, Pop::Request(())) => Pop::$unready,
                    (None, Pop::InFlight) => Pop::InFlight,
                    (None, Pop::Empty) => Pop::Empty,
                    (None, Pop::Closed) => Pop::Closed,
                }
            }
        }

        impl<T, B> crate::mailbox::sealed::Consumer<T, B> for Consumer<T, B>
        where
            T: Send + 'static,
            B: Bell,
        {
            #[inline(always)]
            fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize {
                Consumer::drain(self, max, handler)
            }

            #[inline(always)]
            fn has_any(&mut self) -> bool {
                Consumer::has_any(self)
            }

            #[inline(always)]
            fn before(&mut self, end: crate::mailbox::Position) -> usize {
                Consumer::before(self, end)
            }

            fn peek(&self) -> crate::mailbox::Pop<()> {
                Consumer::peek(self)
            }

            fn cool(&mut self) -> bool {
                Consumer::cool(self)
            }

            fn close(&self) {
                Consumer::close(self);
            }
        }
    };
}

/// What the rings behind a gate have: their `end` is where an open one ends now.
macro_rules! gated {
    () => {
        impl<T: Send + 'static, B: Bell> crate::mailbox::sealed::SharedRing<B> for Ring<T, B> {
            fn bell(&self) -> &B {
                self.gate.bell()
            }

            fn close(&self) {
                Ring::close(self);
            }

            fn is_closed(&self) -> bool {
                self.gate.is_closed()
            }

            #[inline(always)]
            fn end(&self) -> Option<crate::mailbox::Position> {
                (!self.gate.is_closed()).then(|| Ring::end(self))
            }

            fn len(&self) -> usize {
                Ring::len(self)
            }

            fn capacity(&self) -> usize {
                Ring::capacity(self)
            }

            fn refused(&self) -> &crate::sync::AtomicU64 {
                &self.refused
            }
        }

        impl<T: Send, B: Bell> Drop for Consumer<T, B> {
            fn drop(&mut self) {
                self.close();
                let mut remains = crate::mailbox::drop_all::DropAll::default();
                loop {
                    while self.drain(usize::MAX, |request, _| remains.drop(|| drop(request))) > 0 {}
                    if self.peek() == crate::mailbox::Pop::Closed {
                        break;
                    }
                }
                remains.end();
            }
        }
    };
}

/// Makers of a mailbox beside its `with_heat`. `$mailbox` and `$with_bell` say what they make.
macro_rules! makers {
    ($mailbox:literal, $with_bell:literal) => {
        #[doc = $mailbox]
        ///
        /// # Errors
        /// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](crate::mailbox::CAPACITY_MAX).
        pub fn mailbox<T: Send>(
            capacity: usize,
        ) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
            with_heat(capacity, Heat::Always, Silent)
        }

        /// The two ends of one mailbox.
        pub type Ends<T, B = Silent> = (Producer<T, B>, Consumer<T, B>);

        #[doc = $with_bell]
        ///
        /// # Errors
        /// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](crate::mailbox::CAPACITY_MAX).
        pub fn with_bell<T: Send, B: Bell>(
            capacity: usize,
            bell: B,
        ) -> Result<Ends<T, B>, CapacityError> {
            with_heat(capacity, Heat::Varies, bell)
        }
    };
}

/// The types of a kind, and how its mailbox is made: items of its `impl sealed::Kind`.
macro_rules! kind {
    ($make:expr) => {
        type Producer<T: Send + 'static, B: Bell> = Producer<T, B>;
        type Consumer<T: Send + 'static, B: Bell> = Consumer<T, B>;
        type Ring<T: Send + 'static, B: Bell> = Ring<T, B>;

        fn mailbox<T: Send + 'static, B: Bell>(
            capacity: usize,
            heat: crate::mailbox::Heat,
            bell: B,
        ) -> Result<Ends<T, B>, crate::mailbox::CapacityError> {
            $make(capacity, heat, bell)
        }
    };
}

/// What the kinds with cloneable producers have.
macro_rules! cloned_kind {
    ($Kind:ident) => {
        impl crate::mailbox::sealed::ClonedKind for $Kind {
            fn clone_producer<T: Send + 'static, B: Bell>(
                producer: &Producer<T, B>,
            ) -> Producer<T, B> {
                producer.clone()
            }

            fn producers<T: Send + 'static, B: Bell>(
                ring: &Ring<T, B>,
            ) -> &crate::sync::AtomicUsize {
                &ring.producers
            }
        }
    };
}

pub(crate) use {cloned_kind, consumer, end, gated, kind, makers, producer};
