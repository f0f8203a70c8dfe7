//! Only tests: `tests/ui.rs` shows what `#[active]` says about mistakes, `tests/pass` what it
//! accepts.
//!
//! What the compiler reports, in words that change from version to version, is tested here: each
//! pair differs in nothing but the mistake.
//!
//! # Size of the arguments
//! ```
//! struct Table;
//! #[mainspring::active]
//! impl Table { pub fn load(&mut self, row: [u8; 256]) {} }
//! ```
//! ```compile_fail,E0080
//! struct Table;
//! #[mainspring::active]
//! impl Table { pub fn load(&mut self, row: [u8; 257]) {} }
//! ```
//! ```
//! struct Table<T>(T);
//! #[mainspring::active]
//! impl<T: Send + 'static> Table<T> { pub fn load(&mut self, row: T) {} }
//! let proxy = mainspring::spawn(Table([0_u8; 256]));
//! ```
//! ```compile_fail,E0080
//! struct Table<T>(T);
//! #[mainspring::active]
//! impl<T: Send + 'static> Table<T> { pub fn load(&mut self, row: T) {} }
//! let proxy = mainspring::spawn(Table([0_u8; 257]));
//! ```
//!
//! # What crosses to another thread
//! ```
//! struct Log;
//! #[mainspring::active]
//! impl Log { pub fn write(&mut self, line: std::sync::Arc<str>) {} }
//! ```
//! ```compile_fail,E0277
//! struct Log;
//! #[mainspring::active]
//! impl Log { pub fn write(&mut self, line: std::rc::Rc<str>) {} }
//! ```
//! ```compile_fail,E0277
//! struct Log;
//! #[mainspring::active]
//! impl Log { pub fn read(&mut self) -> std::rc::Rc<str> { "".into() } }
//! ```
