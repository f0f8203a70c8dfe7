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
    let found = (0..=u16::MAX).any(|seed| {
        let bytes: Vec<_> =
            (0..40).map(|n| (seed as u8).wrapping_mul(n) ^ (seed >> 8) as u8).collect();
        std::panic::catch_unwind(|| (mainspring_fuzz::CONTROL.run)(&bytes)).is_err()
    });
    assert!(found);
}
