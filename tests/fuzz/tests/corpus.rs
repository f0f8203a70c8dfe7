//! The inputs that are kept, once each: on the compiler's own, without a fuzzer.

use mainspring_fuzz::TARGETS;
use std::fs;
use std::path::Path;

#[test]
fn every_kept_input_finds_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut count = 0;
    for target in TARGETS {
        for file in fs::read_dir(corpus.join(target.name)).unwrap() {
            let file = file.unwrap().path();
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() <= target.bytes_max.min(4096), "{} is too long", file.display());
            (target.run)(&bytes);
            count += 1;
        }
    }
    assert!((1..300).contains(&count), "{count} inputs");
}

#[test]
fn the_planted_bug_is_one() {
    // One place: push, pop, push, and push again.
    let bytes = [0, 0, 9, 1, 0, 9, 0, 9];
    let found = std::panic::catch_unwind(|| (mainspring_fuzz::CONTROL.run)(&bytes)).is_err();
    assert!(found);
}
