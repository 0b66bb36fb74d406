//! Gives libFuzzer the target that `BIZKITHUB_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

use bizkithub_fuzz::TARGETS;

static RUN: LazyLock<Option<fn(&[u8])>> = LazyLock::new(|| {
    let name = std::env::var("BIZKITHUB_FUZZ").ok()?;
    TARGETS.iter().find(|target| target.name == name).map(|target| target.run)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match &*RUN {
        Some(run) => run(data),
        None => std::process::exit(2),
    }
});
