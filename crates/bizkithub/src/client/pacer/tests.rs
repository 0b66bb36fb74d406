//! Each rule of the pacer by an example; that they hold together, the properties and the simulation show.

use std::time::Duration;

use super::*;

/// A full hour, so that blocks of ten minutes begin with it.
const BEGIN: u64 = 1_794_999_600 * SECOND;
const ME: u64 = 1;
const OTHER: u64 = 2;

fn rate(text: &str) -> QuotaRate {
    text.parse().expect(text)
}

fn given(text: &str) -> Pacer {
    Pacer::new(Some(rate(text)), None)
}

/// What a production key suggests, which is more than any test sends.
fn assumed() -> Pacer {
    Pacer::new(None, Some(rate("500000/min")))
}

fn fast(holder: u64, most: u64) -> Wish {
    Wish { holder, most, backlog: 1_000_000, pace: Pace::Fast, reserve: 0.0, ahead: 0 }
}

fn even(most: u64) -> Wish {
    Wish { pace: Pace::Even, ..fast(ME, most) }
}

fn yes(sent: u64, answered: u64) -> Observation {
    Observation { sent, answered, is_genuine: true, ..Observation::default() }
}

fn told(sent: u64, answered: u64, limit: u64, remaining: u64, resets_at: Option<u64>) -> Observation {
    Observation { limit: Some(limit), remaining: Some(remaining), resets_at, ..yes(sent, answered) }
}

fn refused(at: u64, refusal: QuotaRefusal) -> Observation {
    Observation { refusal: Some(refusal), ..yes(at, at) }
}

fn used_up(moment: u64) -> Decision {
    Decision::NotBefore { moment, is_used_up: true }
}

fn spread(moment: u64) -> Decision {
    Decision::NotBefore { moment, is_used_up: false }
}

/// One request that leaves and is answered at once.
fn exchange(pacer: &mut Pacer, at: u64) {
    assert_eq!(pacer.ask(at, &fast(ME, 1)), Decision::Go(1));
    pacer.observe(ME, &yes(at, at));
}

#[test]
fn a_limit_is_as_good_as_its_source() {
    let mut none = Pacer::new(None, None);
    assert_eq!((none.rate(), none.left(BEGIN), none.is_sure(), none.is_told()), (None, None, false, false));
    let mut assumed = assumed();
    assert_eq!((assumed.rate(), assumed.is_sure()), (Some(rate("500000/min")), false));
    assert_eq!(assumed.left(BEGIN), Some(500_000));
    let both = Pacer::new(Some(rate("10/h")), Some(rate("20/h")));
    assert_eq!((both.rate(), both.is_sure(), both.is_told()), (Some(rate("10/h")), false, false));
    let mut server = assumed.clone();
    server.observe(ME, &told(BEGIN, BEGIN, 30, 20, None));
    assert_eq!((server.rate(), server.is_sure(), server.is_told()), (Some(rate("30/h")), true, true));
    assert_eq!(server.left(BEGIN), Some(20));
}

#[test]
fn the_first_answer_is_waited_for_by_everybody() {
    let mut pacer = assumed();
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(1));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::AfterAnswer);
    assert_eq!(pacer.ask(BEGIN + SECOND - 1, &fast(OTHER, 5)), Decision::AfterAnswer);
    // Whoever asked a second ago may have been killed.
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(OTHER, 5)), Decision::Go(1));
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(ME, 5)), Decision::AfterAnswer);
}

#[test]
fn a_gateway_tells_nothing_of_the_quota() {
    let mut pacer = assumed();
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(1));
    pacer.observe(ME, &Observation { is_genuine: false, ..yes(BEGIN, BEGIN) });
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(1));
    pacer.observe(ME, &yes(BEGIN, BEGIN));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(5));
    pacer.observe(ME, &Observation { is_genuine: false, ..yes(BEGIN, BEGIN) });
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(5));
}

#[test]
fn a_quota_that_was_given_needs_no_first_answer() {
    let mut pacer = given("10/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 0)), Decision::Go(1));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(5));
    assert_eq!(pacer.ask(BEGIN, &fast(OTHER, 5)), Decision::Go(4));
    // Nor need the published limit be found out.
    assert_eq!(given("5000/h").ask(BEGIN, &fast(ME, 2_000)), Decision::Go(2_000));
}

#[test]
fn a_place_is_free_again_one_window_after_its_answer() {
    let mut pacer = given("3/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 10)), Decision::Go(3));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 10)), Decision::AfterAnswer);
    for answered in [100, 200, 300] {
        pacer.observe(ME, &yes(BEGIN + (answered - 1) * SECOND, BEGIN + answered * SECOND));
    }
    let now = BEGIN + 301 * SECOND;
    let first = BEGIN + 100 * SECOND + HOUR;
    assert_eq!((pacer.left(now), pacer.ask(now, &fast(ME, 10))), (Some(0), used_up(first)));
    assert_eq!(pacer.left(first - 1), Some(0));
    assert_eq!(pacer.ask(first, &fast(ME, 10)), Decision::Go(1));
    assert_eq!(pacer.left(first), Some(0));
    pacer.observe(ME, &yes(first, first));
    assert_eq!(pacer.left(first + 100 * SECOND), Some(1));
}

#[test]
fn what_is_under_way_may_come_back_as_long_as_it_is_not_all_used() {
    let mut pacer = given("3/h");
    exchange(&mut pacer, BEGIN);
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(2));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::AfterAnswer);
    // Calls that could not wait have used up more than there is.
    pacer.observe(ME, &yes(BEGIN, BEGIN));
    pacer.observe(ME, &yes(BEGIN, BEGIN));
    pacer.take(BEGIN, ME);
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), used_up(BEGIN + HOUR));
    // What is left to others is not under way.
    let mut pacer = given("2/h");
    exchange(&mut pacer, BEGIN);
    assert_eq!(pacer.ask(BEGIN, &Wish { reserve: 0.5, ..fast(ME, 5) }), used_up(BEGIN + HOUR));
}

#[test]
fn answers_of_about_the_same_time_share_a_bucket_as_late_as_the_last_of_them() {
    // A bucket of this window is four seconds wide.
    let mut pacer = given("9/1000s");
    let window = 1_000 * SECOND;
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 9)), Decision::Go(9));
    for (sent, answered) in [(0, 1), (2, 3), (1, 4), (1, 5)] {
        pacer.observe(ME, &yes(BEGIN + sent * SECOND, BEGIN + answered * SECOND));
    }
    assert_eq!(pacer.admitted.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(pacer.admitted[0].sent, BEGIN);
    pacer.give_back(ME, 5);
    assert_eq!(pacer.left(BEGIN + 4 * SECOND + window - 1), Some(5));
    assert_eq!(pacer.left(BEGIN + 4 * SECOND + window), Some(8));
    // One that was overtaken on its way here is not forgotten before those that overtook it.
    pacer.take(BEGIN + 2 * window, ME);
    pacer.take(BEGIN + 2 * window, ME);
    pacer.observe(ME, &yes(BEGIN + 2 * window, BEGIN + 2 * window + 2 * SECOND));
    pacer.observe(ME, &yes(BEGIN + 2 * window, BEGIN + 2 * window + SECOND));
    assert_eq!(
        pacer.admitted.iter().map(|bucket| bucket.answered).collect::<Vec<_>>(),
        [BEGIN + 2 * window + 2 * SECOND; 2]
    );
}

#[test]
fn permits_come_back_unused() {
    let mut pacer = given("10/min");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 6)), Decision::Go(6));
    pacer.give_back(ME, 0);
    pacer.give_back(OTHER, 3);
    assert_eq!(pacer.left(BEGIN), Some(4));
    pacer.give_back(ME, 2);
    assert_eq!(pacer.left(BEGIN), Some(6));
    pacer.give_back(ME, 100);
    assert_eq!((pacer.left(BEGIN), pacer.out.len()), (Some(10), 0));
    pacer.observe(ME, &told(BEGIN, BEGIN, 10, 7, None));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), Decision::Go(5));
    assert_eq!(pacer.left(BEGIN), Some(2));
    pacer.give_back(ME, 4);
    assert_eq!(pacer.left(BEGIN), Some(6));
}

#[test]
fn an_answer_settles_one_permit_of_its_holder() {
    let mut pacer = given("10/h");
    pacer.take(BEGIN, ME);
    assert_eq!(pacer.ask(BEGIN, &fast(OTHER, 2)), Decision::Go(2));
    pacer.observe(OTHER, &yes(BEGIN, BEGIN));
    assert_eq!((pacer.out[&ME].count, pacer.out[&OTHER].count), (1, 1));
    pacer.observe(OTHER, &yes(BEGIN, BEGIN));
    pacer.observe(OTHER, &yes(BEGIN, BEGIN));
    assert_eq!((!pacer.out.contains_key(&OTHER), pacer.left(BEGIN)), (true, Some(6)));
}

#[test]
fn what_a_process_held_that_died_counts_as_sent() {
    let mut pacer = given("10/h");
    assert_eq!(pacer.ask(BEGIN, &fast(OTHER, 4)), Decision::Go(4));
    let gone = BEGIN + 60 * SECOND;
    assert_eq!((pacer.left(gone - 1), pacer.out.len()), (Some(6), 1));
    assert_eq!((pacer.left(gone), pacer.out.len()), (Some(6), 0));
    assert_eq!(pacer.left(gone + HOUR - 1), Some(6));
    assert_eq!(pacer.left(gone + HOUR), Some(10));
}

#[test]
fn a_process_that_died_may_have_used_what_a_reset_gives() {
    let mut pacer = given("10/h");
    assert_eq!(pacer.ask(BEGIN, &fast(OTHER, 1)), Decision::Go(1));
    pacer.take(BEGIN + 30 * SECOND, ME);
    let reset = BEGIN + 40 * SECOND;
    pacer.observe(ME, &told(BEGIN + 30 * SECOND, BEGIN + 30 * SECOND, 10, 1, Some(reset)));
    assert_eq!(pacer.told.and_then(|told| told.resets_at), Some(reset));
    assert_eq!(pacer.left(BEGIN + 60 * SECOND), Some(1));
    assert_eq!(pacer.told.and_then(|told| told.resets_at), None);
}

#[test]
fn no_second_has_more_than_its_burst() {
    let mut pacer = given("free");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 20)), Decision::Go(20));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 100)), Decision::Go(30));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 100)), Decision::AfterAnswer);
    let answered = BEGIN + SECOND / 10;
    for number in 0..50 {
        // Those that come within five thousandths of a second are remembered as one moment.
        pacer.observe(ME, &yes(BEGIN, answered + number * 100));
    }
    assert_eq!(pacer.recent, [Moment { first: answered, last: answered + 4_900, count: 50 }]);
    let next = answered + 4_900 + SECOND;
    assert_eq!(pacer.ask(next - 1, &fast(ME, 100)), spread(next));
    assert_eq!(pacer.ask(next, &fast(ME, 100)), Decision::Go(50));
    pacer.observe(ME, &yes(next, next));
    pacer.observe(ME, &yes(next, next + RECENT));
    assert_eq!(pacer.recent.iter().map(|moment| moment.count).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn answers_one_after_another_free_their_places_one_after_another() {
    let mut pacer = given("starter");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 200)), Decision::Go(200));
    for number in 0..200 {
        pacer.observe(ME, &yes(BEGIN, BEGIN + number * SECOND / 1_000));
    }
    assert_eq!(pacer.recent.len(), 40);
    let first_are_free = BEGIN + SECOND + SECOND / 250;
    assert_eq!(pacer.ask(first_are_free - 1, &fast(ME, 200)), spread(first_are_free));
    assert_eq!(pacer.ask(first_are_free, &fast(ME, 200)), Decision::Go(5));
}

#[test]
fn a_full_window_is_told_before_a_full_second() {
    let mut pacer = given("10/h");
    pacer.take(BEGIN, ME);
    let reset = BEGIN + HOUR;
    pacer.observe(ME, &told(BEGIN, BEGIN, 1, 0, Some(reset)));
    assert_eq!(pacer.burst, Some(1));
    assert_eq!(pacer.ask(BEGIN + 1, &fast(ME, 1)), used_up(reset));
}

#[test]
fn the_published_silent_limit_is_found_out_by_one_request() {
    let mut pacer = assumed();
    exchange(&mut pacer, BEGIN);
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 400)), Decision::Go(400));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 2_000)), Decision::Go(599));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 2_000)), Decision::AfterAnswer);
    for _ in 0..998 {
        pacer.observe(ME, &yes(BEGIN, BEGIN + SECOND));
    }
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(ME, 2_000)), Decision::AfterAnswer);
    pacer.observe(ME, &yes(BEGIN, BEGIN + SECOND));
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(ME, 2_000)), Decision::Go(1));
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(ME, 2_000)), Decision::AfterAnswer);
    let mut limited = pacer.clone();
    // It does not hold.
    pacer.observe(ME, &yes(BEGIN, BEGIN + SECOND));
    assert_eq!(pacer.ask(BEGIN + SECOND, &fast(ME, 2_000)), Decision::Go(2_000));
    // It does: until the next block, and then without another try.
    let block = QuotaRefusal { retry_at: None, window: Some(SILENT_WINDOW), in_blocks: true };
    limited.observe(ME, &refused(BEGIN + SECOND, block));
    assert_eq!((limited.rate(), limited.is_sure()), (Some(rate("1000/600s")), true));
    let next = BEGIN + SILENT_WINDOW + SECOND;
    assert_eq!(limited.ask(BEGIN + 2 * SECOND, &fast(ME, 2_000)), used_up(next));
    assert_eq!(limited.ask(next, &fast(ME, 2_000)), Decision::Go(1_000));
    for _ in 0..1_000 {
        limited.observe(ME, &yes(next, next));
    }
    assert_eq!(limited.ask(next, &fast(ME, 1)), used_up(BEGIN + 2 * SILENT_WINDOW + SECOND));
}

#[test]
fn the_silent_limit_is_of_each_block_of_ten_minutes() {
    let mut pacer = assumed();
    exchange(&mut pacer, BEGIN);
    exchange(&mut pacer, BEGIN + SILENT_WINDOW - 1);
    assert_eq!(pacer.used_in_block(BEGIN + SILENT_WINDOW - 1), 2);
    let next = BEGIN + SILENT_WINDOW;
    assert_eq!((pacer.used_in_block(next), pacer.ask(next, &fast(ME, 2_000))), (0, Decision::Go(1_000)));
    pacer.observe(ME, &yes(next, next));
    // What is heard of late belongs to a block that is over.
    pacer.observe(ME, &yes(next - 1, next - 1));
    assert_eq!(pacer.used_in_block(next), 1);
}

#[test]
fn what_others_use_is_seen_and_forgotten_with_its_window() {
    let mut pacer = given("100/min");
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &told(BEGIN, BEGIN, 100, 40, None));
    assert_eq!((pacer.rate(), pacer.foreign, pacer.left(BEGIN)), (Some(rate("100/min")), 59, Some(40)));
    let window = 60 * SECOND;
    assert_eq!((pacer.left(BEGIN + window - 1), pacer.foreign), (Some(40), 59));
    assert_eq!((pacer.left(BEGIN + window), pacer.foreign), (Some(100), 0));
}

#[test]
fn what_is_under_way_is_not_others() {
    let mut pacer = given("100/min");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 10)), Decision::Go(10));
    // The server may have counted the other nine already, or not.
    pacer.observe(ME, &told(BEGIN, BEGIN + 1, 100, 80, Some(BEGIN + 60 * SECOND)));
    assert_eq!((pacer.foreign, pacer.told.map(|told| told.left)), (10, Some(71)));
    assert_eq!(pacer.left(BEGIN + 1), Some(80));
}

#[test]
fn what_left_before_an_answer_and_came_after_it_is_not_in_it() {
    for late in [SECOND / 2, 20 * SECOND] {
        let mut pacer = given("100/h");
        assert_eq!(pacer.ask(BEGIN, &fast(ME, 4)), Decision::Go(4));
        for answered in [late / 4, late / 2] {
            pacer.observe(ME, &yes(BEGIN, BEGIN + answered));
        }
        // Sent with them and answered last: of the 90 the server told of, the two others may be gone, and the fourth.
        pacer.observe(ME, &told(BEGIN, BEGIN + late, 100, 90, Some(BEGIN + HOUR)));
        assert_eq!(pacer.told.map(|told| told.left), Some(87), "{late}");
    }
    // What was answered before it left is in it, also when a bucket holds both.
    let mut pacer = given("100/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 4)), Decision::Go(4));
    for answered in [BEGIN - SECOND / 5, BEGIN, BEGIN + SECOND / 10] {
        pacer.observe(ME, &yes(BEGIN - SECOND / 4, answered));
    }
    pacer.observe(ME, &told(BEGIN, BEGIN + SECOND / 5, 100, 90, None));
    assert_eq!(pacer.told.map(|told| told.left), Some(89));
    // Nor can a reset be believed that may be used up already.
    let mut pacer = given("100/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 4)), Decision::Go(4));
    pacer.observe(ME, &told(BEGIN, BEGIN, 100, 2, Some(BEGIN + HOUR)));
    assert_eq!(pacer.told.map(|told| (told.left, told.resets_at)), Some((0, None)));
    let mut pacer = given("100/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 4)), Decision::Go(4));
    pacer.observe(ME, &told(BEGIN, BEGIN, 100, 3, Some(BEGIN + HOUR)));
    assert_eq!(pacer.told.map(|told| (told.left, told.resets_at)), Some((0, Some(BEGIN + HOUR))));
}

#[test]
fn a_told_reset_lets_one_request_find_out_what_there_is() {
    let mut pacer = given("10/500s");
    let reset = BEGIN + 100 * SECOND;
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &told(BEGIN, BEGIN, 10, 0, Some(reset)));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 5)), used_up(reset));
    assert_eq!(pacer.ask(reset - 1, &fast(ME, 5)), used_up(reset));
    assert_eq!(pacer.ask(reset, &fast(ME, 5)), Decision::Go(1));
    // Should its answer be lost, nobody knows whether it used what there was.
    assert_eq!(pacer.told.and_then(|told| told.resets_at), None);
    assert_eq!(pacer.ask(reset, &fast(ME, 5)), used_up(BEGIN + 500 * SECOND));
    pacer.observe(ME, &told(reset, reset, 10, 9, Some(reset + HOUR)));
    assert_eq!(pacer.ask(reset, &fast(ME, 20)), Decision::Go(9));
    assert_eq!(pacer.told.map(|told| (told.left, told.resets_at)), Some((0, Some(reset + HOUR))));
}

#[test]
fn a_reset_is_believed_until_it_is_there_or_more_was_sent_than_the_server_had_left() {
    let reset = BEGIN + 100 * SECOND;
    let told_of = |left| {
        let mut pacer = given("10/500s");
        pacer.observe(ME, &told(BEGIN, BEGIN, 10, left, Some(reset)));
        pacer
    };
    let after_one_more = |left, at| {
        let mut pacer = told_of(left);
        pacer.take(at, ME);
        pacer.told.and_then(|told| told.resets_at)
    };
    assert_eq!(after_one_more(1, BEGIN), Some(reset));
    assert_eq!(after_one_more(0, BEGIN), None);
    assert_eq!(after_one_more(5, reset - 1), Some(reset));
    assert_eq!(after_one_more(5, reset), None);
}

#[test]
fn a_window_is_learned_from_its_first_request_and_its_reset() {
    let learned = |told: Observation| {
        let mut pacer = Pacer::new(None, None);
        pacer.take(BEGIN, ME);
        pacer.observe(ME, &told);
        pacer.rate().map(|rate| rate.window())
    };
    // Of ours alone: the window began when this request was counted.
    assert_eq!(learned(told(BEGIN, BEGIN + SECOND, 5, 4, Some(BEGIN + 60 * SECOND))), Some(Duration::from_secs(60)));
    assert_eq!(learned(told(BEGIN, BEGIN + SECOND, 5, 4, Some(BEGIN))), Some(Duration::from_micros(1_000)));
    // Others were before: an hour is published.
    assert_eq!(learned(told(BEGIN, BEGIN + SECOND, 5, 3, Some(BEGIN + 60 * SECOND))), Some(Duration::from_hours(1)));
    assert_eq!(learned(told(BEGIN, BEGIN, 5, 3, Some(BEGIN + 2 * HOUR))), Some(Duration::from_hours(2)));
    assert_eq!(learned(told(BEGIN, BEGIN, 5, 3, None)), Some(Duration::from_hours(1)));
    let window = Some(7 * SECOND);
    assert_eq!(
        learned(Observation { window, ..told(BEGIN, BEGIN, 5, 4, Some(BEGIN + HOUR)) }),
        Some(Duration::from_secs(7))
    );
    // Half of it says nothing.
    assert_eq!(learned(Observation { remaining: None, ..told(BEGIN, BEGIN, 5, 4, None) }), None);
    assert_eq!(learned(Observation { limit: None, ..told(BEGIN, BEGIN, 5, 4, None) }), None);
}

#[test]
fn a_window_is_not_longer_than_since_the_oldest_of_ours_that_it_holds() {
    let mut pacer = Pacer::new(None, None);
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &told(BEGIN, BEGIN + 1, 100, 98, Some(BEGIN + 60 * SECOND)));
    assert_eq!(pacer.rate(), Some(rate("100/h")));
    let second = BEGIN + 20 * SECOND;
    pacer.take(second, ME);
    // Two are counted: the first of ours, and this one.
    pacer.observe(ME, &told(second, second + 1, 100, 98, Some(BEGIN + 60 * SECOND)));
    assert_eq!(pacer.rate(), Some(rate("100/min")));
    let third = BEGIN + 30 * SECOND;
    pacer.take(third, ME);
    // A refused request is not counted itself.
    let refusal = Some(QuotaRefusal::default());
    pacer.observe(ME, &Observation { refusal, ..told(third, third + 1, 100, 98, Some(BEGIN + 50 * SECOND)) });
    assert_eq!(pacer.rate(), Some(rate("100/50s")));
}

#[test]
fn requests_that_may_never_have_arrived_show_no_window() {
    let mut pacer = Pacer::new(None, None);
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &Observation { sent: BEGIN, answered: BEGIN, ..Observation::default() });
    pacer.take(BEGIN + SECOND, ME);
    pacer.observe(ME, &told(BEGIN + 2 * SECOND, BEGIN + 2 * SECOND + 1, 100, 98, Some(BEGIN + 60 * SECOND)));
    assert_eq!(pacer.rate(), Some(rate("100/h")));
}

#[test]
fn a_given_window_is_believed_when_the_server_tells_the_same_limit() {
    let window = |limit| {
        let mut pacer = given("100/min");
        pacer.take(BEGIN, ME);
        pacer.observe(ME, &told(BEGIN, BEGIN, limit, 50, None));
        pacer.rate().map(|rate| rate.window().as_secs())
    };
    assert_eq!((window(100), window(200)), (Some(60), Some(3_600)));
    // And what was told once, as long as nothing else is.
    let mut pacer = given("100/min");
    pacer.observe(ME, &told(BEGIN, BEGIN, 100, 50, None));
    pacer.observe(ME, &told(BEGIN, BEGIN, 300, 50, None));
    assert_eq!(pacer.rate(), Some(rate("300/min")));
}

#[test]
fn an_hourly_limit_has_the_burst_of_its_plan() {
    let burst = |pacer: &mut Pacer, limit, window| {
        pacer.observe(ME, &Observation { window: Some(window), ..told(BEGIN, BEGIN, limit, limit - 1, None) });
        pacer.burst
    };
    assert_eq!(burst(&mut assumed(), 1_000, HOUR), Some(50));
    assert_eq!(burst(&mut assumed(), 1_000, 600 * SECOND), Some(50));
    assert_eq!(burst(&mut assumed(), 1_000, 600 * SECOND - 1), None);
    let mut free = given("free");
    assert_eq!(burst(&mut free, 100, HOUR), Some(5));
    assert_eq!(burst(&mut free, 10_000, HOUR), Some(5));
    // A limit that stays the same teaches nothing new.
    free.burst = None;
    assert_eq!(burst(&mut free, 10_000, HOUR), None);
    assert_eq!(burst(&mut free, 1_000, HOUR), Some(50));
}

#[test]
fn a_refusal_with_room_left_is_one_of_the_second() {
    let mut pacer = given("100/h");
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 4)), Decision::Go(4));
    for _ in 0..3 {
        pacer.observe(ME, &yes(BEGIN, BEGIN + SECOND / 2));
    }
    let refusal = Some(QuotaRefusal::default());
    let now = BEGIN + SECOND;
    pacer.observe(ME, &Observation { refusal: refusal.clone(), ..told(BEGIN, now, 100, 97, None) });
    assert_eq!((pacer.burst, pacer.blocked_until), (Some(3), now + SECOND));
    // Never less than one, and never more again.
    let later = BEGIN + 10 * SECOND;
    pacer.observe(ME, &Observation { refusal: refusal.clone(), ..told(later, later, 100, 97, None) });
    assert_eq!(pacer.burst, Some(1));
    let mut used_up = given("100/min");
    used_up.observe(ME, &Observation { refusal: refusal.clone(), ..told(BEGIN, BEGIN, 100, 0, None) });
    assert_eq!(used_up.burst, None);
    let mut half_told = given("100/h");
    half_told.observe(ME, &Observation { refusal, limit: None, ..told(BEGIN, BEGIN, 100, 5, None) });
    assert_eq!((half_told.burst, half_told.limit.and_then(|limit| limit.refused_at)), (Some(1), None));
}

#[test]
fn refusals_in_a_row_are_pauses_that_double() {
    let mut pacer = given("100/h");
    let mut now = BEGIN;
    for pause in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
        pacer.observe(ME, &refused(now, QuotaRefusal::default()));
        assert_eq!(pacer.ask(now, &fast(ME, 1)), used_up(now + pause * SECOND));
        assert_eq!(pacer.ask(now + pause * SECOND - 1, &fast(ME, 1)), used_up(now + pause * SECOND));
        now += pause * SECOND;
    }
    exchange(&mut pacer, now);
    pacer.observe(ME, &refused(now, QuotaRefusal::default()));
    assert_eq!(pacer.blocked_until, now + SECOND);
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept_and_none_is_doubted_the_second_time() {
    let mut pacer = given("100/h");
    let at = |moment| QuotaRefusal { retry_at: Some(moment), ..QuotaRefusal::default() };
    pacer.observe(ME, &refused(BEGIN, at(BEGIN)));
    assert_eq!(pacer.blocked_until, BEGIN);
    pacer.observe(ME, &refused(BEGIN, at(BEGIN)));
    assert_eq!(pacer.blocked_until, BEGIN + 2 * SECOND);
    pacer.observe(ME, &refused(BEGIN, at(BEGIN + HOUR)));
    assert_eq!(pacer.blocked_until, BEGIN + HOUR);
    pacer.observe(ME, &refused(BEGIN, at(BEGIN + SECOND)));
    assert_eq!(pacer.blocked_until, BEGIN + HOUR);
}

#[test]
fn after_a_block_one_request_finds_out_whether_it_is_over() {
    let mut pacer = given("1/h");
    exchange(&mut pacer, BEGIN);
    let retry_at = Some(BEGIN + 10 * SECOND);
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &refused(BEGIN, QuotaRefusal { retry_at, ..QuotaRefusal::default() }));
    assert_eq!(pacer.ask(BEGIN + 10 * SECOND, &fast(ME, 5)), Decision::Go(1));
    pacer.observe(ME, &yes(BEGIN + 10 * SECOND, BEGIN + 10 * SECOND));
    assert_eq!(pacer.ask(BEGIN + 10 * SECOND, &fast(ME, 5)), used_up(BEGIN + 10 * SECOND + HOUR));
}

#[test]
fn a_silent_refusal_says_that_a_window_is_full_but_not_of_how_many() {
    let mut pacer = assumed();
    let hour = || QuotaRefusal { retry_at: None, window: Some(HOUR), in_blocks: false };
    for _ in 0..3 {
        exchange(&mut pacer, BEGIN);
    }
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &refused(BEGIN, hour()));
    let limit = pacer.limit.expect("a limit");
    // What a minute was assumed to allow, in an hour; three were seen in a window that was not seen from its beginning.
    assert_eq!((limit.count, limit.window, limit.seen, limit.source), (30_000_000, HOUR, Some(3), Source::Assumed));
    let next = BEGIN + HOUR;
    // The published limit is not looked for any more.
    assert_eq!(pacer.clone().ask(next, &fast(ME, 2_000)), Decision::Go(2_000));
    // Up to what was seen, everybody may go; beyond it few at once, since any may be refused.
    assert_eq!(pacer.ask(next, &fast(ME, 2)), Decision::Go(2));
    for _ in 0..2 {
        pacer.observe(ME, &yes(next, next));
    }
    assert_eq!(pacer.ask(next, &fast(ME, 1)), Decision::Go(1));
    assert_eq!(pacer.ask(next, &fast(ME, 50)), Decision::Go(3));
    assert_eq!(pacer.ask(next, &fast(ME, 50)), Decision::AfterAnswer);
    for _ in 0..4 {
        pacer.observe(ME, &yes(next, next));
    }
    // A window that was seen from one refusal to the next shows the limit.
    pacer.take(next, ME);
    pacer.observe(ME, &refused(next, hour()));
    assert_eq!((pacer.rate(), pacer.is_sure(), pacer.is_told()), (Some(rate("6/h")), true, false));
    // Another refusal in the same window, such as that of a request that was under way, shows nothing.
    pacer.take(next, ME);
    pacer.observe(ME, &refused(next + HOUR - 1, hour()));
    assert_eq!(pacer.rate(), Some(rate("6/h")));
}

#[test]
fn refusals_of_one_window_show_no_limit() {
    for in_blocks in [false, true] {
        let refusal = || QuotaRefusal { retry_at: Some(0), window: Some(SILENT_WINDOW), in_blocks };
        let mut pacer = assumed();
        for (at, seen) in [(1, 3), (20, 5)] {
            let at = BEGIN + at * SECOND;
            while pacer.used_in_block(at) < seen {
                exchange(&mut pacer, at);
            }
            pacer.take(at, ME);
            pacer.observe(ME, &refused(at, refusal()));
            // Nor is it the published one, which has come at its thousandth request.
            assert_eq!((pacer.is_sure(), pacer.limit.and_then(|limit| limit.seen)), (false, Some(seen)), "{in_blocks}");
        }
    }
}

#[test]
fn the_further_beyond_what_was_seen_the_more_leave_at_once() {
    let mut pacer = assumed();
    exchange(&mut pacer, BEGIN);
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &refused(BEGIN, QuotaRefusal { window: Some(HOUR), ..QuotaRefusal::default() }));
    let next = BEGIN + HOUR;
    for _ in 0..41 {
        exchange(&mut pacer, next);
    }
    assert_eq!(pacer.ask(next, &fast(ME, 50)), Decision::Go(5));
}

#[test]
fn a_limit_of_blocks_is_found_in_a_whole_block() {
    let minute = || QuotaRefusal { retry_at: None, window: Some(60 * SECOND), in_blocks: true };
    let mut pacer = assumed();
    exchange(&mut pacer, BEGIN + SECOND);
    pacer.take(BEGIN + SECOND, ME);
    pacer.observe(ME, &refused(BEGIN + SECOND, minute()));
    let next = block_end(BEGIN, 60 * SECOND);
    assert_eq!((next, pacer.blocked_until), (BEGIN + 60 * SECOND + 150_000, next));
    for _ in 0..2 {
        exchange(&mut pacer, next);
    }
    pacer.take(next, ME);
    pacer.observe(ME, &refused(next, minute()));
    assert_eq!((pacer.rate(), pacer.is_sure()), (Some(rate("2/min")), true));
    pacer.take(next + SECOND, ME);
    pacer.observe(ME, &refused(next + SECOND, minute()));
    assert_eq!(pacer.rate(), Some(rate("2/min")));
    // In the next block, one more than it allowed is tried: it may have grown.
    let third = BEGIN + 2 * 60 * SECOND + 150_000;
    assert_eq!(pacer.ask(third, &fast(ME, 5)), Decision::Go(2));
    for _ in 0..2 {
        pacer.observe(ME, &yes(third, third));
    }
    assert_eq!(pacer.ask(third, &fast(ME, 5)), Decision::Go(1));
    pacer.observe(ME, &yes(third, third));
    assert_eq!(pacer.rate(), Some(rate("3/min")));
}

#[test]
fn a_limit_that_was_found_may_have_grown() {
    let hour = || QuotaRefusal { retry_at: Some(0), window: Some(HOUR), in_blocks: false };
    let mut pacer = Pacer::new(None, None);
    exchange(&mut pacer, BEGIN);
    pacer.take(BEGIN, ME);
    pacer.observe(ME, &refused(BEGIN, hour()));
    let limit = pacer.limit.expect("a limit");
    assert_eq!((limit.count, limit.source, limit.seen), (u64::MAX / 4, Source::Assumed, None));
    let next = BEGIN + HOUR;
    for _ in 0..2 {
        exchange(&mut pacer, next);
    }
    pacer.take(next, ME);
    pacer.observe(ME, &refused(next, hour()));
    assert_eq!(pacer.rate(), Some(rate("2/h")));
    assert_eq!(pacer.ask(next + 2 * SECOND, &fast(ME, 9)), Decision::Go(1));
    pacer.give_back(ME, 1);
    assert_eq!(pacer.ask(next + 2 * SECOND, &fast(ME, 9)), used_up(next + HOUR));
    let third = next + HOUR;
    assert_eq!(pacer.ask(third, &fast(ME, 9)), Decision::Go(2));
    for _ in 0..2 {
        pacer.observe(ME, &yes(third, third));
    }
    assert_eq!(pacer.ask(third, &fast(ME, 9)), Decision::Go(1));
    pacer.observe(ME, &yes(third, third));
    assert_eq!(pacer.rate(), Some(rate("3/h")));
}

#[test]
fn a_quota_that_was_given_survives_refusals() {
    let mut pacer = given("5/h");
    let in_blocks = QuotaRefusal { retry_at: None, window: Some(60 * SECOND), in_blocks: true };
    pacer.observe(ME, &refused(BEGIN, in_blocks));
    let limit = pacer.limit.expect("a limit");
    assert_eq!((limit.count, limit.window, limit.refused_at, limit.in_blocks), (5, HOUR, Some(BEGIN), true));
    pacer.observe(ME, &refused(BEGIN + 1, QuotaRefusal::default()));
    assert_eq!(pacer.limit.map(|limit| (limit.refused_at, limit.in_blocks)), Some((Some(BEGIN + 1), true)));
}

#[test]
fn a_run_starts_from_what_an_earlier_one_learned() {
    let ledger = |pacer: &Pacer, now: &Pacer| pacer.clone().starting_from(now);
    let mut told_before = given("10/h");
    told_before.observe(ME, &told(BEGIN, BEGIN, 50, 40, None));
    assert_eq!(ledger(&told_before, &given("20/h")).rate(), Some(rate("50/h")));
    assert_eq!(ledger(&assumed(), &given("free")).rate(), Some(rate("1000/h")));
    assert_eq!(ledger(&assumed(), &given("free")).burst, Some(50));
    assert_eq!(ledger(&given("10/h"), &given("20/h")).rate(), Some(rate("20/h")));
    assert_eq!(ledger(&given("10/h"), &assumed()).rate(), Some(rate("10/h")));
    assert_eq!(ledger(&Pacer::new(None, None), &given("20/h")).rate(), Some(rate("20/h")));
    let mut refused_before = given("10/h");
    refused_before.observe(ME, &refused(BEGIN, QuotaRefusal::default()));
    let refused_at = ledger(&refused_before, &given("20/h")).limit.and_then(|limit| limit.refused_at);
    assert_eq!(refused_at, Some(BEGIN));
}

#[test]
fn requests_leave_evenly() {
    let mut pacer = given("3600/h");
    // Turns of the last second are made up for.
    assert_eq!(pacer.ask(BEGIN, &even(5)), Decision::Go(2));
    assert_eq!(pacer.ask(BEGIN, &even(5)), spread(BEGIN + SECOND));
    assert_eq!(pacer.ask(BEGIN + SECOND - 1, &even(5)), spread(BEGIN + SECOND));
    assert_eq!(pacer.ask(BEGIN + SECOND, &even(5)), Decision::Go(1));
    // For some time ahead, as many are due as its turns.
    let ahead = Wish { ahead: 5 * SECOND, ..even(50) };
    assert_eq!(pacer.ask(BEGIN + SECOND, &ahead), Decision::Go(5));
    assert_eq!(pacer.ask(BEGIN + SECOND, &ahead), spread(BEGIN + 2 * SECOND));
    assert_eq!(pacer.ask(BEGIN + 2 * SECOND, &Wish { ahead: 100 * SECOND, ..even(50) }), Decision::Go(50));
}

#[test]
fn what_needs_at_most_half_of_the_quota_goes_at_once() {
    let of = |backlog| Wish { backlog, ..even(5) };
    let mut pacer = given("3600/h");
    assert_eq!(pacer.ask(BEGIN, &of(1_801)), Decision::Go(2));
    // There are 3,598 left now, and a request ahead of its turn takes that turn.
    assert_eq!(pacer.ask(BEGIN, &of(1_799)), Decision::Go(5));
    assert_eq!(pacer.ask(BEGIN, &of(1_797)), spread(BEGIN + 6 * SECOND));
}

#[test]
fn a_turn_that_is_long_to_come_is_a_wait_for_quota() {
    for (quota, interval, is_used_up) in [("360/h", 10, true), ("361/h", 9, false)] {
        let mut pacer = given(quota);
        assert_eq!(pacer.ask(BEGIN, &even(5)), Decision::Go(2));
        let Decision::NotBefore { moment, is_used_up: found } = pacer.ask(BEGIN, &even(5)) else { unreachable!() };
        assert_eq!(((moment - BEGIN) / SECOND, found), (interval, is_used_up), "{quota}");
    }
}

#[test]
fn a_share_of_the_quota_is_left_to_others() {
    let reserving = |reserve, pace| Wish { reserve, pace, ..fast(ME, 100) };
    let mut pacer = given("10/h");
    assert_eq!(pacer.ask(BEGIN, &reserving(0.25, Pace::Fast)), Decision::Go(8));
    let mut pacer = given("7200/h");
    // One every second instead of every half.
    assert_eq!(pacer.ask(BEGIN, &reserving(0.5, Pace::Even)), Decision::Go(2));
    assert_eq!(pacer.ask(BEGIN, &reserving(0.5, Pace::Even)), spread(BEGIN + SECOND));
    // Also of what the server told.
    let mut pacer = given("10/min");
    pacer.observe(ME, &told(BEGIN, BEGIN, 10, 6, None));
    assert_eq!(pacer.ask(BEGIN, &reserving(0.5, Pace::Fast)), Decision::Go(1));
}

#[test]
fn those_who_share_the_quota_have_their_turns_too() {
    let mut pacer = given("3600/h");
    pacer.observe(ME, &told(BEGIN, BEGIN, 3_600, 3_600 - 1_201, None));
    // Of the 3,600 turns, 1,200 are others', so that ours come every one and a half seconds.
    assert_eq!(pacer.interval(&pacer.limit.expect("a limit"), 0.0), 1_500_000);
    // But never more than half.
    pacer.observe(ME, &told(BEGIN, BEGIN, 3_600, 100, None));
    assert_eq!(pacer.interval(&pacer.limit.expect("a limit"), 0.0), 2_000_000);
}

#[test]
fn a_found_limit_is_spread_over_one_in_a_hundred_more() {
    let mut pacer = given("1000/h");
    pacer.limit = pacer.limit.map(|limit| Limit { source: Source::Found, ..limit });
    assert_eq!(pacer.interval(&pacer.limit.expect("a limit"), 0.0), HOUR / 1_011);
}

#[test]
fn nobody_is_lent_more_than_an_eighth_of_the_limit() {
    let ahead = Wish { ahead: SECOND, ..fast(ME, 100) };
    assert_eq!(given("80/h").ask(BEGIN, &ahead), Decision::Go(10));
    assert_eq!(given("7/h").ask(BEGIN, &ahead), Decision::Go(1));
    assert_eq!(given("80/h").ask(BEGIN, &fast(ME, 100)), Decision::Go(80));
}

#[test]
fn when_others_have_it_all_it_is_asked_again_when_they_may_let_go() {
    let mut pacer = given("10/min");
    pacer.observe(ME, &refused(BEGIN - SECOND, QuotaRefusal { retry_at: Some(0), ..QuotaRefusal::default() }));
    pacer.take(BEGIN, OTHER);
    pacer.give_back(OTHER, 1);
    let window = 60 * SECOND;
    pacer.foreign = 10;
    pacer.foreign_until = BEGIN + window;
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 1)), used_up(BEGIN + window));
    // As little as a microsecond is a wait.
    pacer.foreign_until = BEGIN + 1;
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 1)), used_up(BEGIN + 1));
    // What is under way elsewhere may come back.
    pacer.foreign = 0;
    assert_eq!(pacer.ask(BEGIN, &fast(OTHER, 10)), Decision::Go(10));
    assert_eq!(pacer.ask(BEGIN, &fast(ME, 1)), Decision::AfterAnswer);
    let limit = pacer.limit.expect("a limit");
    assert_eq!(pacer.when_there_is_room(BEGIN, &limit, 10), Decision::AfterAnswer);
    assert_eq!(pacer.when_there_is_room(BEGIN, &limit, 0), used_up(BEGIN + SECOND));
}
