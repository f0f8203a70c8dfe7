//! For ThreadSanitizer only: tells it what the standard library does, which is not instrumented.
//!
//! The library's mutexes, condition variables and scoped threads order what happens before them and after
//! them, but in code that the checker doesn't see, so everything that a contended mutex protects would be
//! reported. To suppress that would blind it. The linker puts a function before each of these few, which
//! says what it orders; their names are mangled, and are looked for in the library itself.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What is told of each, after the end of its mangled name.
const ORDERED: &[(&str, &str)] = &[
    (
        "5Mutex14lock_contended",
        "// The uncontended case is compiled into its callers, and so is the unlocking.
        unsafe extern \"Rust\" {
            #[link_name = \"__real_NAME\"]
            fn real_lock(mutex: *const c_void);
        }
        #[unsafe(export_name = \"__wrap_NAME\")]
        unsafe fn lock(mutex: *const c_void) {
            unsafe {
                real_lock(mutex);
                __tsan_acquire(mutex);
            }
        }",
    ),
    (
        "3sys4sync7condvar5futexNtB2_7Condvar4wait",
        "unsafe extern \"Rust\" {
            #[link_name = \"__real_NAME\"]
            fn real_wait(condvar: *const c_void, mutex: *const c_void);
        }
        #[unsafe(export_name = \"__wrap_NAME\")]
        unsafe fn wait(condvar: *const c_void, mutex: *const c_void) {
            unsafe {
                __tsan_release(mutex);
                real_wait(condvar, mutex);
                __tsan_acquire(mutex);
            }
        }",
    ),
    (
        "3sys4sync7condvar5futexNtB2_7Condvar12wait_timeout",
        "unsafe extern \"Rust\" {
            #[link_name = \"__real_NAME\"]
            fn real_wait_for(condvar: *const c_void, mutex: *const c_void, limit: Duration) -> bool;
        }
        #[unsafe(export_name = \"__wrap_NAME\")]
        unsafe fn wait_for(condvar: *const c_void, mutex: *const c_void, limit: Duration) -> bool {
            unsafe {
                __tsan_release(mutex);
                let is_notified = real_wait_for(condvar, mutex, limit);
                __tsan_acquire(mutex);
                is_notified
            }
        }",
    ),
    (
        "9ScopeData29decrement_num_running_threads",
        "// Which of its words the scope's end looks at is the library's business: any.
        unsafe extern \"Rust\" {
            #[link_name = \"__real_NAME\"]
            fn real_leave(scope: *const c_void, panicked: bool);
        }
        #[unsafe(export_name = \"__wrap_NAME\")]
        unsafe fn leave(scope: *const c_void, panicked: bool) {
            unsafe {
                (0..3).for_each(|word| __tsan_release(scope.byte_add(word * size_of::<usize>())));
                real_leave(scope, panicked);
            }
        }",
    ),
];

const HEAD: &str = "
    use std::ffi::c_void;
    use std::time::Duration;
    unsafe extern \"C\" {
        fn __tsan_acquire(at: *const c_void);
        fn __tsan_release(at: *const c_void);
    }
";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_thread = env::var("CARGO_CFG_SANITIZE").is_ok_and(|checker| checker == "thread");
    let told = if is_thread { tell() } else { String::new() };
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says it"));
    fs::write(folder.join("told.rs"), told).expect("it is our folder");
}

/// The functions, for the linker to put before those of the library.
fn tell() -> String {
    let library = library();
    let names = library.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    let names: Vec<_> = names.filter(|name| name.starts_with("_R")).collect();
    let mut told = HEAD.to_owned();
    for (end, text) in ORDERED {
        let name = names.iter().find(|name| name.ends_with(end));
        let name = name.unwrap_or_else(|| panic!("std has no {end} any more: mend build.rs"));
        println!("cargo:rustc-link-arg-bins=-Wl,--wrap={name}");
        told += &text.replace("NAME", name);
    }
    told
}

/// The standard library that the programs are linked with.
fn library() -> Vec<u8> {
    let rustc = env::var_os("RUSTC").expect("cargo says it");
    let target = env::var("TARGET").expect("cargo says it");
    let printed =
        Command::new(rustc).args(["--print", "target-libdir", "--target", &target]).output();
    let printed = String::from_utf8(printed.expect("rustc can be run").stdout).expect("a path");
    let files = fs::read_dir(printed.trim()).expect("the target is installed");
    let is_it = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    let mut files = files.map(|file| file.expect("its folder can be read").path());
    let file =
        files.find(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_it));
    fs::read(file.expect("the library is there")).expect("the library can be read")
}
