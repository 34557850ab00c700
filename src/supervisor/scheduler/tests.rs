//! Random event orders against the invariants, and the policies one by one.

use super::*;
use crate::test_random::Random;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.bits() % n.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkerState {
    Starting,
    Idle,
    Running { job: JobId, attempt: u32, asked: bool },
    Dying { job: Option<JobId> },
}

/// Plays the processes, and checks every action.
struct World {
    scheduler: Scheduler,
    now: Duration,
    workers: BTreeMap<SlotId, (WorkerId, WorkerState)>,
    seen: BTreeSet<WorkerId>,
    /// What workers were told of and have not begun, with the attempt that it will be.
    hands: BTreeMap<SlotId, VecDeque<(JobId, u32)>>,
    /// Workers that are to give their hands back.
    recalls: VecDeque<(SlotId, WorkerId)>,
    /// Jobs that began behind another one of the same hand.
    in_hands: usize,
    attempts: BTreeMap<JobId, u32>,
    /// Attempts that ended for other reasons than a full disk or the run's end.
    spent: BTreeMap<JobId, u32>,
    ended: BTreeSet<JobId>,
    jobs: usize,
    over: Option<Ending>,
    asked_for_space: bool,
    failures: Vec<(JobId, Fault, bool)>,
}

pub(super) const GIB: u64 = 1 << 30;

pub(super) fn config(slots: u32) -> Config {
    Config {
        slots,
        floor: 1,
        retries: 3,
        fail_when_full: false,
        stall_timeout: Duration::from_mins(10),
        handshake_timeout: Duration::from_secs(10),
        grace: Duration::from_mins(1),
        quiet_interval: Duration::from_secs(10),
        recycle_after: 1000,
        threads: 1,
        threads_total: None,
        first_guess: 32 << 20,
        tells_planned: true,
        in_order: false,
    }
}

#[test]
fn where_results_are_heard_in_order_only_large_files_come_first() {
    let sizes: Vec<u64> = (0..1000).map(|it| if it % 300 == 299 { it } else { it % 7 }).collect();
    let queue = |in_order| {
        let scheduler = Scheduler::new(Config { in_order, ..config(2) }, &sizes);
        scheduler.queue.into_iter().map(|job| job.0).collect::<Vec<u32>>()
    };
    let large = [899, 599, 299];
    assert_eq!(queue(true).first_chunk(), Some(&large));
    let small: Vec<u32> = (0..1000).filter(|job| !large.contains(job)).collect();
    assert_eq!(queue(true)[3..], small);
    let all = queue(false);
    assert!(all.is_sorted_by_key(|&job| std::cmp::Reverse(sizes[job as usize])));
}

fn calm() -> MemoryReading {
    MemoryReading {
        limit: 64 * GIB,
        budget: 51 * GIB,
        used: GIB,
        headroom: 1 << 40,
        anon: Vec::new(),
    }
}

impl World {
    fn new(config: Config, sizes: &[u64]) -> Self {
        Self {
            scheduler: Scheduler::new(config, sizes),
            now: Duration::ZERO,
            workers: BTreeMap::new(),
            seen: BTreeSet::new(),
            hands: BTreeMap::new(),
            recalls: VecDeque::new(),
            in_hands: 0,
            attempts: BTreeMap::new(),
            spent: BTreeMap::new(),
            ended: BTreeSet::new(),
            jobs: sizes.len(),
            over: None,
            asked_for_space: false,
            failures: Vec::new(),
        }
    }

    fn running(&self) -> usize {
        self.workers
            .values()
            .filter(|(_, life)| matches!(life, WorkerState::Running { .. }))
            .count()
    }

    /// The job that a dying worker still holds counts as running for the scheduler.
    fn holding(&self) -> usize {
        self.workers
            .values()
            .filter(|(_, life)| {
                matches!(life, WorkerState::Running { .. } | WorkerState::Dying { job: Some(_) })
            })
            .count()
    }

    fn feed(&mut self, event: Event) -> Vec<Action> {
        let actions = self.scheduler.handle(event, self.now);
        for action in &actions {
            self.check(action);
        }
        while let Some((slot, worker)) = self.recalls.pop_front() {
            let alive = self.workers.get(&slot).is_some_and(|(present, _)| *present == worker);
            if alive {
                let jobs = self.hand_of(slot);
                self.feed(Event::GivenBack { slot, worker, jobs });
            }
        }
        actions
    }

    /// Takes a hand.
    fn hand_of(&mut self, slot: SlotId) -> Vec<JobId> {
        let hand = self.hands.remove(&slot).unwrap_or_default();
        hand.into_iter().map(|(job, _)| job).collect()
    }

    fn tick(&mut self, by: Duration) -> Vec<Action> {
        self.now += by;
        self.feed(Event::Tick)
    }

    fn check(&mut self, action: &Action) {
        assert_eq!(self.over, None, "nothing comes after the end: {action:?}");
        match *action {
            Action::Spawn { slot, worker } => {
                assert!(!self.workers.contains_key(&slot), "slot {slot:?} has a worker already");
                assert!(self.seen.insert(worker), "a worker's name is used twice");
                self.workers.insert(slot, (worker, WorkerState::Starting));
            }
            Action::Assign { slot, worker, job, attempt, data_limit, .. } => {
                assert!(data_limit.is_none_or(|limit| limit >= 256 << 20));
                assert!(!self.ended.contains(&job), "{job:?} ended before");
                let (present, life) = self.workers.get(&slot).expect("a worker lives there");
                assert_eq!(*present, worker);
                assert!(matches!(life, WorkerState::Idle | WorkerState::Running { .. }));
                let mut hands = self.hands.values().flatten();
                assert!(hands.all(|(other, _)| *other != job), "{job:?} is in two hands");
                self.hands.entry(slot).or_default().push_back((job, attempt));
            }
            Action::Begin { slot, worker, job } => {
                let allowed = self.scheduler.governor.allowed() as usize;
                assert!(
                    self.holding() < allowed,
                    "{} run and {allowed} may; one more was started",
                    self.holding()
                );
                for (_, life) in self.workers.values() {
                    match life {
                        WorkerState::Running { job: other, .. }
                        | WorkerState::Dying { job: Some(other) } => {
                            assert_ne!(*other, job, "a job runs twice at a time");
                        }
                        _ => {}
                    }
                }
                let next = self.hands.get_mut(&slot).and_then(VecDeque::pop_front);
                let (first, attempt) = next.expect("the worker was told of it");
                assert_eq!(first, job);
                let count = self.attempts.entry(job).or_default();
                *count += 1;
                assert_eq!(*count, attempt);
                let (present, life) = self.workers.get_mut(&slot).expect("a worker lives there");
                assert_eq!((*present, *life), (worker, WorkerState::Idle));
                *life = WorkerState::Running { job, attempt, asked: false };
            }
            Action::Recall { slot, worker } => self.recalls.push_back((slot, worker)),
            Action::Cancel { slot, worker } => {
                let (present, life) = self.workers.get_mut(&slot).expect("a worker lives there");
                assert_eq!(*present, worker);
                match life {
                    WorkerState::Running { asked, .. } => *asked = true,
                    other => panic!("asked to stop, but {other:?}"),
                }
                self.recalls.push_back((slot, worker));
            }
            Action::SetThreads { slot, worker, threads } => {
                assert!(threads > 0);
                let (present, life) = self.workers.get(&slot).expect("a worker lives there");
                assert_eq!(*present, worker);
                assert!(matches!(life, WorkerState::Running { .. }));
            }
            Action::Quit { slot, worker } => {
                let (present, life) = self.workers.get_mut(&slot).expect("a worker lives there");
                assert_eq!((*present, *life), (worker, WorkerState::Idle));
                *life = WorkerState::Dying { job: None };
                assert!(self.hands.get(&slot).is_none_or(VecDeque::is_empty));
            }
            Action::Kill { slot, worker } => {
                let (present, life) = self.workers.get_mut(&slot).expect("a worker lives there");
                assert_eq!(*present, worker);
                *life = match *life {
                    WorkerState::Running { job, .. } => WorkerState::Dying { job: Some(job) },
                    WorkerState::Dying { job } => WorkerState::Dying { job },
                    WorkerState::Starting | WorkerState::Idle => WorkerState::Dying { job: None },
                };
            }
            Action::CheckSpace { .. } => self.asked_for_space = true,
            Action::AttemptFailed { job, cause, will_retry, .. } => {
                self.failures.push((job, cause, will_retry));
                if !matches!(cause, Fault::Full | Fault::Stopped) {
                    *self.spent.entry(job).or_default() += 1;
                }
            }
            Action::Finish { job, .. } => {
                assert!(self.ended.insert(job), "{job:?} ended twice");
            }
            Action::Tell(Notice::Concurrency { allowed, .. }) => assert!(allowed >= 1),
            Action::Tell(_) => {}
            Action::Over(ref ending) => {
                assert!(self.workers.is_empty() || self.scheduler.slots.iter().any(|s| s.lost));
                if *ending == Ending::Complete {
                    assert_eq!(self.ended.len(), self.jobs);
                }
                self.over = Some(ending.clone());
            }
        }
    }

    /// The life of the worker in `slot` ends.
    fn exit(&mut self, slot: SlotId, cause: Fault) -> Vec<Action> {
        let Some((worker, _)) = self.workers.remove(&slot) else { return Vec::new() };
        self.hands.remove(&slot);
        self.feed(Event::Exited { slot, worker, cause, message: "gone".into(), peak: 9 << 20 })
    }

    fn ready(&mut self, slot: SlotId) -> Vec<Action> {
        let Some((worker, life)) = self.workers.get_mut(&slot) else { return Vec::new() };
        *life = WorkerState::Idle;
        let worker = *worker;
        self.feed(Event::Ready { slot, worker })
    }

    fn end(&mut self, slot: SlotId, result: Result<(), Fault>, peak: u64) -> Vec<Action> {
        self.end_after(slot, result, peak, Duration::from_secs(1))
    }

    fn end_after(
        &mut self,
        slot: SlotId,
        result: Result<(), Fault>,
        peak: u64,
        spent: Duration,
    ) -> Vec<Action> {
        let Some((worker, WorkerState::Running { job, attempt, .. })) =
            self.workers.get(&slot).copied()
        else {
            return Vec::new();
        };
        self.workers.insert(slot, (worker, WorkerState::Idle));
        let result = result.map_err(|cause| (cause, "told so".to_owned()));
        let gives_back = result.is_err();
        if gives_back {
            self.hands.remove(&slot);
        }
        self.in_hands += self.hands.get(&slot).map_or(0, VecDeque::len).min(1);
        let rest = 1 << 20;
        let report = Report { job, attempt, result, peak, rest, spent, gives_back };
        self.feed(Event::Ended { slot, worker, report })
    }

    /// One random thing happens.
    fn stir(&mut self, random: &mut Random) {
        self.now += Duration::from_millis(random.below(700));
        let causes = [
            Fault::OutOfMemory,
            Fault::Killed,
            Fault::Crashed,
            Fault::Stalled,
            Fault::Input,
            Fault::Full,
            Fault::Output,
            Fault::Unfinished,
            Fault::Verify,
            Fault::Internal,
            Fault::Stopped,
        ];
        let slots: Vec<SlotId> = self.workers.keys().copied().collect();
        let dice = random.below(100);
        if dice < 75 && !slots.is_empty() {
            let slot = random.pick(&slots);
            let (worker, life) = self.workers[&slot];
            match life {
                WorkerState::Starting if random.chance(85) => drop(self.ready(slot)),
                WorkerState::Starting => drop(self.exit(slot, Fault::Crashed)),
                WorkerState::Idle if random.chance(5) => drop(self.exit(slot, Fault::Killed)),
                WorkerState::Idle => drop(self.feed(Event::Tick)),
                WorkerState::Running { asked: true, .. } if random.chance(70) => {
                    drop(self.end(slot, Err(Fault::Stopped), 1 << 20));
                }
                WorkerState::Running { .. } => match random.below(10) {
                    0..4 => {
                        let spent = Duration::from_micros(random.below(40_000));
                        drop(self.end_after(slot, Ok(()), random.below(1 << 28), spent));
                    }
                    4..6 => {
                        let cause = random.pick(&causes);
                        drop(self.end(slot, Err(cause), random.below(1 << 30)));
                    }
                    6..8 => {
                        let cause = random.pick(&causes[..3]);
                        drop(self.exit(slot, cause));
                    }
                    8 if random.chance(50) => {
                        let known = match self.workers.get(&slot) {
                            Some((_, WorkerState::Running { job, attempt, .. })) => {
                                Some((*job, *attempt)).filter(|_| random.chance(80))
                            }
                            _ => None,
                        };
                        let (job, attempt) = known.unwrap_or((JobId(7), 9));
                        let need = random.bits() >> random.below(64);
                        drop(self.feed(Event::Planned { slot, worker, job, attempt, need }));
                    }
                    8 => drop(self.feed(Event::Alive { slot, worker, sync: random.chance(20) })),
                    _ => {
                        let message = "gibberish".to_owned();
                        drop(self.feed(Event::Nonsense { slot, worker, message }));
                    }
                },
                WorkerState::Dying { .. } if random.chance(80) => {
                    drop(self.exit(slot, Fault::Killed));
                }
                WorkerState::Dying { .. } => drop(self.tick(Duration::from_secs(random.below(20)))),
            }
        } else if dice < 85 {
            let used = random.below(100);
            let anon = slots.iter().map(|s| (*s, self.workers[s].0, random.below(GIB))).collect();
            let headroom = (80 - i64::try_from(used).unwrap()) << 23;
            drop(self.feed(Event::Memory(MemoryReading {
                limit: 100 << 23,
                budget: 80 << 23,
                used: used << 23,
                headroom,
                anon,
            })));
        } else if dice < 90 {
            let enough = random.chance(40);
            drop(self.feed(Event::Space { enough }));
        } else if dice < 94 {
            // Words of a worker that is long gone, or was never there.
            let slot = SlotId(u32::try_from(random.below(5)).unwrap());
            let worker = WorkerId(1 << 40);
            let event = match random.below(4) {
                0 => Event::Ready { slot, worker },
                1 => Event::Alive { slot, worker, sync: false },
                2 => Event::Nonsense { slot, worker, message: String::new() },
                _ => Event::Exited {
                    slot,
                    worker,
                    cause: Fault::Killed,
                    message: String::new(),
                    peak: 0,
                },
            };
            drop(self.feed(event));
        } else if dice < 99 || random.chance(60) {
            drop(self.tick(Duration::from_millis(random.below(4_000))));
        } else {
            drop(self.feed(Event::Signal { reason: "SIGTERM".into() }));
        }
    }

    /// From now on everything goes well: the run has to come to its end.
    /// Workers that were started come.
    fn be_ready(&mut self) {
        for _ in 0..self.jobs {
            self.tick(Duration::from_millis(1));
            let starting = |(_, (_, state)): &(&SlotId, &(WorkerId, WorkerState))| {
                *state == WorkerState::Starting
            };
            let slots: Vec<_> = self.workers.iter().filter(starting).map(|(id, _)| *id).collect();
            for slot in slots {
                self.ready(slot);
            }
        }
    }

    fn be_kind(&mut self) {
        let mut rounds = 0;
        while self.over.is_none() {
            rounds += 1;
            assert!(rounds < 200 + 40 * self.jobs, "no end in sight: {:?}", self.scheduler);
            self.feed(Event::Memory(calm()));
            if std::mem::take(&mut self.asked_for_space) {
                self.feed(Event::Space { enough: true });
            }
            let slots: Vec<SlotId> = self.workers.keys().copied().collect();
            for slot in slots {
                match self.workers.get(&slot).map(|(_, life)| *life) {
                    Some(WorkerState::Starting) => drop(self.ready(slot)),
                    Some(WorkerState::Running { .. }) => {
                        drop(self.end_after(slot, Ok(()), 1 << 20, Duration::from_millis(1)));
                    }
                    Some(WorkerState::Dying { .. }) => drop(self.exit(slot, Fault::Killed)),
                    Some(WorkerState::Idle) | None => {}
                }
            }
            if self.over.is_none() {
                self.tick(Duration::from_secs(1));
            }
        }
    }
}

/// Gives how it ended, how much happened, and how many jobs began behind others.
fn one_sequence(seed: u64) -> (Option<Ending>, usize, usize) {
    let mut random = Random(seed);
    let slots = u32::try_from(1 + random.below(4)).unwrap();
    // A few large files, or many of which one is as small as the other.
    let sizes: Vec<u64> = if random.chance(95) {
        (0..random.below(7)).map(|_| random.below(1 << 36)).collect()
    } else {
        (0..random.below(60)).map(|_| 1000 + random.below(1000)).collect()
    };
    let mut config = config(slots);
    config.floor = u32::try_from(1 + random.below(3)).unwrap();
    config.fail_when_full = random.chance(20);
    config.recycle_after = u32::try_from(1 + random.below(5)).unwrap();
    config.threads_total = random.chance(50).then_some(8);
    config.grace = Duration::from_secs(random.below(30));
    let mut world = World::new(config, &sizes);
    world.tick(Duration::ZERO);
    for _ in 0..random.below(150) {
        if world.over.is_some() {
            break;
        }
        world.stir(&mut random);
    }
    if world.over.is_none() {
        world.be_kind();
    }
    // Two beside others and two alone for memory, twelve at most for kills that strike others as
    // well, two, two, three for the rest; what is left over belongs to orders in which causes
    // take turns.
    for (job, spent) in &world.spent {
        assert!(*spent <= 23, "{job:?} was tried {spent} times");
    }
    (world.over, world.failures.len() + world.ended.len(), world.in_hands)
}

#[test]
fn invariants_hold_in_100_000_random_sequences() {
    let (mut complete, mut happenings, mut in_hands) = (0, 0, 0);
    for seed in 0..100_000 {
        let result = std::panic::catch_unwind(|| one_sequence(seed));
        let Ok((ending, count, behind)) = result else {
            panic!("sequence {seed} breaks an invariant")
        };
        complete += usize::from(ending == Some(Ending::Complete));
        happenings += count;
        in_hands += behind;
    }
    // The sequences are worth something only if they get somewhere.
    assert!(complete > 50_000, "{complete} runs were complete");
    assert!(happenings > 400_000, "{happenings} attempts ended");
    assert!(in_hands > 10_000, "{in_hands} jobs began behind others");
}

fn started(slots: u32, jobs: usize) -> World {
    let mut world = World::new(config(slots), &vec![1 << 20; jobs]);
    world.feed(Event::Memory(calm()));
    for slot in (0..slots).map(SlotId) {
        world.ready(slot);
    }
    world
}

#[test]
fn the_largest_files_come_first() {
    let mut world = World::new(config(1), &[10, 500, 20, 500]);
    world.feed(Event::Tick);
    let mut order = Vec::new();
    world.ready(SlotId(0));
    while let Some((_, WorkerState::Running { job, .. })) = world.workers.get(&SlotId(0)).copied() {
        order.push(job.0);
        world.end(SlotId(0), Ok(()), 1);
    }
    assert_eq!(order, [1, 3, 2, 0]);
}

#[test]
fn a_job_that_alone_is_killed_is_lost_and_one_of_many_is_not() {
    for victims in [1, 2] {
        let mut world = started(2, 8);
        let mut kills = [0; 8];
        while world.over.is_none() {
            world.tick(Duration::from_secs(1));
            for slot in [SlotId(0), SlotId(1)] {
                match world.workers.get(&slot).copied() {
                    Some((_, WorkerState::Running { job: JobId(job), .. }))
                        if job < victims && kills[job as usize] < 5 =>
                    {
                        kills[job as usize] += 1;
                        world.exit(slot, Fault::Killed);
                    }
                    Some((_, WorkerState::Running { .. })) => drop(world.end(slot, Ok(()), 1)),
                    Some((_, WorkerState::Starting)) => drop(world.ready(slot)),
                    Some((_, WorkerState::Dying { .. })) => drop(world.exit(slot, Fault::Killed)),
                    Some((_, WorkerState::Idle)) | None => {}
                }
            }
        }
        assert_eq!(world.over, Some(Ending::Complete));
        assert_eq!(kills[0], if victims == 1 { 3 } else { 5 });
        assert_eq!(world.failures.iter().all(|f| f.2), victims == 2);
    }
}

#[test]
fn a_job_that_dies_alone_for_memory_twice_is_lost_and_no_other() {
    let mut world = started(1, 3);
    let mut deaths = 0;
    while world.over.is_none() {
        world.tick(Duration::from_secs(1));
        match world.workers.get(&SlotId(0)).copied() {
            Some((_, WorkerState::Running { job: JobId(1), .. })) => {
                deaths += 1;
                world.exit(SlotId(0), Fault::OutOfMemory);
            }
            Some((_, WorkerState::Running { .. })) => drop(world.end(SlotId(0), Ok(()), 1)),
            Some((_, WorkerState::Starting)) => drop(world.ready(SlotId(0))),
            Some((_, WorkerState::Dying { .. })) => drop(world.exit(SlotId(0), Fault::Killed)),
            Some((_, WorkerState::Idle)) | None => {}
        }
    }
    assert_eq!(deaths, 2);
    assert_eq!(world.over, Some(Ending::Complete));
    assert_eq!(world.failures.iter().filter(|f| !f.2).count(), 1);
}

#[test]
fn a_crash_is_tried_again_alone_after_the_others() {
    let mut world = started(2, 4);
    world.exit(SlotId(0), Fault::Crashed);
    let crashed = world.failures[0].0;
    let mut order = Vec::new();
    for _ in 0..200 {
        world.tick(Duration::from_secs(1));
        for slot in [SlotId(0), SlotId(1)] {
            match world.workers.get(&slot).copied() {
                Some((_, WorkerState::Starting)) => drop(world.ready(slot)),
                Some((_, WorkerState::Dying { .. })) => drop(world.exit(slot, Fault::Killed)),
                Some((_, WorkerState::Running { job, .. })) => {
                    if job == crashed {
                        assert_eq!(world.running(), 1, "it has to be alone");
                    }
                    order.push(job);
                    world.end(slot, Ok(()), 1);
                }
                _ => {}
            }
        }
    }
    assert_eq!(order.last(), Some(&crashed));
    assert_eq!(world.over, Some(Ending::Complete));
}

#[test]
fn what_shows_no_life_is_killed_and_tried_once_more() {
    let mut world = started(1, 1);
    for round in 0..2 {
        let (worker, life) = world.workers[&SlotId(0)];
        assert!(matches!(life, WorkerState::Running { .. }), "round {round}: {life:?}");
        for _ in 0..599 {
            world.tick(Duration::from_secs(1));
        }
        assert!(
            matches!(world.workers[&SlotId(0)].1, WorkerState::Running { .. }),
            "still patient"
        );
        world.feed(Event::Alive { slot: SlotId(0), worker, sync: false });
        for _ in 0..600 {
            world.tick(Duration::from_secs(1));
        }
        assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Dying { .. }), "patience ends");
        world.exit(SlotId(0), Fault::Killed);
        world.ready(SlotId(0));
    }
    assert_eq!(
        world.failures,
        [(JobId(0), Fault::Stalled, true), (JobId(0), Fault::Stalled, false)]
    );
}

#[test]
fn a_supervisor_that_was_stopped_itself_blames_nobody() {
    let mut world = started(1, 1);
    world.tick(Duration::from_hours(1));
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Running { .. }));
}

#[test]
fn a_slow_sync_of_a_large_file_is_not_a_stall() {
    let mut world = World::new(config(1), &[1 << 40]);
    world.feed(Event::Tick);
    world.ready(SlotId(0));
    let (worker, _) = world.workers[&SlotId(0)];
    world.feed(Event::Alive { slot: SlotId(0), worker, sync: true });
    for _ in 0..5000 {
        world.tick(Duration::from_secs(1));
    }
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Running { .. }));
}

/// Files of which others tell nothing: as long as nobody knows what is in one, no more begin beside it
/// than fit whatever is in it.
#[test]
fn what_is_in_a_file_is_known_before_others_begin_beside_it() {
    let mut world = World::new(config(4), &[800 << 20; 4]);
    let room = |room: i64| Event::Memory(MemoryReading { headroom: room << 20, ..calm() });
    world.feed(room(200));
    world.be_ready();
    assert_eq!(world.running(), 1, "32 MiB and an eighth of 800 MiB each");
    let planned = |world: &mut World, slot: u32, need: u64| {
        let (worker, state) = world.workers[&SlotId(slot)];
        let WorkerState::Running { job, attempt, .. } = state else { panic!("{state:?}") };
        world.feed(Event::Planned { slot: SlotId(slot), worker, job, attempt, need: need << 20 });
        world.be_ready();
    };
    // 132 MiB of 200 are free then; what another attempt says does not count.
    let (worker, _) = world.workers[&SlotId(0)];
    let (slot, job) = (SlotId(0), JobId(3));
    world.feed(Event::Planned { slot, worker, job, attempt: 1, need: 1 });
    assert_eq!(world.running(), 1);
    planned(&mut world, 0, 68);
    assert_eq!(world.running(), 2);
    planned(&mut world, 1, 60);
    assert_eq!(world.running(), 2, "72 MiB are left");
    world.feed(room(500));
    world.be_ready();
    assert_eq!(world.running(), 4, "two of 132 MiB beside 68 and 60");
}

#[test]
fn a_full_disk_pauses_until_one_job_gets_through() {
    let mut world = started(2, 6);
    world.end(SlotId(0), Err(Fault::Full), 1);
    assert_eq!(world.running(), 1, "no new job beside the one that goes on");
    world.end(SlotId(1), Err(Fault::Full), 1);
    for _ in 0..5 {
        world.tick(Duration::from_secs(1));
        assert_eq!(world.running(), 0);
    }
    assert!(world.asked_for_space);
    world.feed(Event::Space { enough: false });
    assert_eq!(world.running(), 0);
    world.feed(Event::Space { enough: true });
    assert_eq!(world.running(), 1, "one tries");
    let told = world.end(SlotId(0), Ok(()), 1);
    assert!(told.iter().any(|a| matches!(a, Action::Tell(Notice::Resumed(_)))));
    assert_eq!(world.running(), 2);
}

#[test]
fn signals_escalate() {
    let mut world = started(2, 10);
    world.feed(Event::Signal { reason: "SIGTERM".into() });
    world.end(SlotId(0), Ok(()), 1);
    assert_eq!(world.running(), 1, "no new job");
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Dying { .. }));
    world.exit(SlotId(0), Fault::Killed);
    world.feed(Event::Signal { reason: "SIGTERM".into() });
    assert!(matches!(world.workers[&SlotId(1)].1, WorkerState::Running { asked: true, .. }));
    world.feed(Event::Signal { reason: "SIGTERM".into() });
    assert!(matches!(world.workers[&SlotId(1)].1, WorkerState::Dying { .. }));
    world.exit(SlotId(1), Fault::Killed);
    assert_eq!(world.over, Some(Ending::Interrupted));
    assert!(world.failures.iter().all(|(_, cause, retry)| *cause == Fault::Stopped && *retry));
}

#[test]
fn the_grace_period_ends() {
    let mut world = started(1, 2);
    world.feed(Event::Signal { reason: "SIGINT".into() });
    for _ in 0..59 {
        world.tick(Duration::from_secs(1));
    }
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Running { asked: false, .. }));
    world.tick(Duration::from_secs(1));
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Running { asked: true, .. }));
    for _ in 0..3 {
        world.tick(Duration::from_secs(1));
    }
    assert!(matches!(world.workers[&SlotId(0)].1, WorkerState::Dying { .. }));
}

#[test]
fn memory_admits_no_more_than_fits() {
    let mut world = World::new(config(4), &[1; 8]);
    let tight = MemoryReading {
        limit: 100 << 20,
        budget: 80 << 20,
        used: 10 << 20,
        headroom: 70 << 20,
        anon: Vec::new(),
    };
    world.feed(Event::Memory(tight));
    for slot in 0..4 {
        world.ready(SlotId(slot));
    }
    assert_eq!(world.running(), 2, "two of 32 MiB fit into 70 MiB, three do not");
}

#[test]
fn a_machine_that_starts_no_process_ends_the_run_and_keeps_the_jobs() {
    let mut world = World::new(config(4), &[1; 8]);
    world.feed(Event::Memory(calm()));
    for _ in 0..200 {
        let slots: Vec<SlotId> = world.workers.keys().copied().collect();
        for slot in slots {
            world.exit(slot, Fault::Spawn);
        }
        if world.over.is_none() {
            world.tick(Duration::from_secs(1));
        }
    }
    assert!(matches!(world.over, Some(Ending::Fatal(_))), "{:?}", world.over);
    assert!(world.ended.is_empty());
}

#[test]
fn idle_threads_go_to_the_last_attempt() {
    let mut config = config(2);
    config.threads_total = Some(8);
    config.threads = 4;
    let mut world = World::new(config, &[1; 3]);
    world.feed(Event::Tick);
    world.ready(SlotId(0));
    world.ready(SlotId(1));
    world.end(SlotId(0), Ok(()), 1);
    let actions = world.end(SlotId(0), Ok(()), 1);
    assert!(actions.iter().any(|a| matches!(a, Action::SetThreads { threads: 8, .. })));
}

#[test]
fn a_process_that_hangs_in_the_kernel_costs_its_slot_and_not_the_run() {
    let mut world = started(2, 3);
    let (worker, _) = world.workers[&SlotId(0)];
    world.feed(Event::Nonsense { slot: SlotId(0), worker, message: "gibberish".into() });
    for _ in 0..70 {
        world.tick(Duration::from_secs(1));
        let alive = world.workers[&SlotId(1)].0;
        world.feed(Event::Alive { slot: SlotId(1), worker: alive, sync: false });
    }
    assert!(world.scheduler.slots[0].lost);
    world.workers.remove(&SlotId(0));
    world.be_kind();
    assert_eq!(world.over, Some(Ending::Complete));
}

#[test]
fn a_burst_of_failed_starts_counts_once_and_then_they_come_one_by_one() {
    let mut world = World::new(config(16), &[1 << 20; 40]);
    world.feed(Event::Memory(calm()));
    assert_eq!(world.workers.len(), 16);
    for slot in (0..16).map(SlotId) {
        world.exit(slot, Fault::Spawn);
        world.now += Duration::from_millis(1);
    }
    assert_eq!(world.over, None);
    world.tick(Duration::from_secs(40));
    assert_eq!(world.workers.len(), 1);
    world.ready(SlotId(0));
    assert_eq!(world.running(), 1);
}
