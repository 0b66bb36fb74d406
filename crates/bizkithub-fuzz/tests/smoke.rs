//! Every target on its seeds and on seeded mutations of them, without a fuzzer.

use bizkithub_fuzz::{Mutator, TARGETS, seeds};

/// Opening a ledger costs a thousand times what a header costs.
fn executions(target: &str) -> usize {
    match target {
        "ledger" => 150,
        "csv" | "ndjson" | "arrow" | "parquet" => 3_000,
        _ => 10_000,
    }
}

#[test]
fn every_target_holds_for_its_seeds_and_for_what_becomes_of_them() {
    std::thread::scope(|scope| {
        for (seed, target) in (0..).zip(TARGETS) {
            scope.spawn(move || {
                let seeds = seeds(target.name).expect("the vectors");
                assert!(!seeds.is_empty(), "{} has no seeds", target.name);
                seeds.iter().for_each(|seed| (target.run)(seed));
                let mut mutator = Mutator::new(seed);
                for _ in 0..executions(target.name) {
                    (target.run)(&mutator.mutate(&seeds));
                }
            });
        }
    });
}
