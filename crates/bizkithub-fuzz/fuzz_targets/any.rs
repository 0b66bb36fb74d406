//! Gives libFuzzer the target that `BIZKITHUB_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

use bizkithub_fuzz::TARGETS;

static RUN: LazyLock<Option<fn(&[u8])>> = LazyLock::new(|| {
    let name = std::env::var("BIZKITHUB_FUZZ").ok()?;
    if matches!(&*name, "arrow" | "parquet") {
        // The fuzzer's own hook ends the process at every panic, and those of the decoders are caught; any other still does.
        std::panic::set_hook(Box::new(|_| {}));
    }
    TARGETS.iter().find(|target| target.name == name).map(|target| target.run)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match &*RUN {
        Some(run) => run(data),
        None => std::process::exit(2),
    }
});
