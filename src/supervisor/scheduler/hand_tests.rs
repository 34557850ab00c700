//! Hands, held against workers that are ahead of what the scheduler has heard of them: what either
//! side says travels, and a worker may die with all that it said and heard still on the way.

use super::tests::{GIB, config};
use super::*;
use crate::test_random::Random;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

fn below(random: &mut Random, n: usize) -> usize {
    usize::try_from(random.bits() % (n.max(1) as u64)).unwrap()
}

enum Told {
    /// With how often the worker was heard to give all back.
    Job(JobId, u32, u32),
    Recall,
    Cancel,
    Quit,
}

/// A worker as it is.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
struct Process {
    id: WorkerId,
    ready: bool,
    at: Option<(JobId, u32)>,
    asked: bool,
    hand: VecDeque<(JobId, u32)>,
    /// How often it gave its hand back with an outcome, and how often that was heard.
    round: u32,
    heard: u32,
    /// On the way to it.
    inbox: VecDeque<Told>,
    /// On its way to the scheduler.
    outbox: VecDeque<Event>,
    dead: bool,
    killed: bool,
}

impl Process {
    fn new(id: WorkerId) -> Self {
        Self {
            id,
            ready: false,
            at: None,
            asked: false,
            hand: VecDeque::new(),
            round: 0,
            heard: 0,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            dead: false,
            killed: false,
        }
    }

    /// What it has in hand begins as soon as there is nothing in front of it.
    fn begin(&mut self) -> Option<JobId> {
        if self.at.is_some() {
            return None;
        }
        self.at = self.hand.pop_front();
        self.asked = false;
        self.at.map(|(job, _)| job)
    }

    fn give_back(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.hand).into_iter().map(|(job, _)| job).collect()
    }
}

struct World {
    scheduler: Scheduler,
    now: Duration,
    slots: BTreeMap<SlotId, Process>,
    /// How often each job was begun, and how often it was carried out to a good end.
    begun: BTreeMap<JobId, u32>,
    good: BTreeMap<JobId, u32>,
    /// Attempts as the scheduler counts them.
    counted: BTreeMap<JobId, u32>,
    /// What each worker that died was at, or was about to begin.
    deaths: BTreeMap<WorkerId, Option<JobId>>,
    charged: BTreeMap<JobId, u32>,
    over: Option<Ending>,
    ended: BTreeSet<JobId>,
    deepest: usize,
}

impl World {
    fn new(slots: u32, jobs: usize) -> Self {
        let config = Config { retries: 1000, ..config(slots) };
        Self {
            scheduler: Scheduler::new(config, &vec![1000; jobs]),
            now: Duration::ZERO,
            slots: BTreeMap::new(),
            begun: BTreeMap::new(),
            good: BTreeMap::new(),
            counted: BTreeMap::new(),
            deaths: BTreeMap::new(),
            charged: BTreeMap::new(),
            over: None,
            ended: BTreeSet::new(),
            deepest: 0,
        }
    }

    fn feed(&mut self, event: Event) {
        let died = match &event {
            Event::Exited { worker, .. } => Some(*worker),
            _ => None,
        };
        for action in self.scheduler.handle(event, self.now) {
            self.act(action, died);
        }
    }

    fn act(&mut self, action: Action, died: Option<WorkerId>) {
        match action {
            Action::Spawn { slot, worker } => {
                assert!(self.slots.insert(slot, Process::new(worker)).is_none());
            }
            Action::Assign { slot, worker, job, attempt, .. } => {
                assert!(!self.ended.contains(&job));
                let heard = self.slots[&slot].heard;
                self.tell(slot, worker, Told::Job(job, attempt, heard));
            }
            Action::Begin { job, .. } => *self.counted.entry(job).or_default() += 1,
            Action::Recall { slot, worker } => self.tell(slot, worker, Told::Recall),
            Action::Cancel { slot, worker } => self.tell(slot, worker, Told::Cancel),
            Action::Quit { slot, worker } => self.tell(slot, worker, Told::Quit),
            Action::Kill { slot, worker } => {
                let process = self.slots.get_mut(&slot).filter(|process| process.id == worker);
                if let Some(process) = process {
                    process.killed = true;
                }
            }
            Action::AttemptFailed { job, cause, .. } => {
                if let Some(worker) = died {
                    assert_eq!(Some(job), self.deaths[&worker], "charged for {worker:?}");
                }
                assert_ne!(cause, Fault::Protocol, "nobody talks nonsense here");
                *self.charged.entry(job).or_default() += 1;
            }
            Action::Finish { job, end, .. } => {
                assert_eq!(end, End::Done, "{job:?}");
                assert!(self.ended.insert(job));
            }
            Action::Over(ending) => self.over = Some(ending),
            Action::CheckSpace { .. } | Action::SetThreads { .. } | Action::Tell(_) => {}
        }
    }

    fn tell(&mut self, slot: SlotId, worker: WorkerId, told: Told) {
        let process = self.slots.get_mut(&slot).expect("a worker lives there");
        assert_eq!(process.id, worker);
        process.inbox.push_back(told);
    }

    /// A worker goes on by one step of its own; `fate` decides on what it is at.
    fn step(&mut self, slot: SlotId, fate: usize) {
        let process = self.slots.get_mut(&slot).unwrap();
        let worker = process.id;
        if process.dead {
            return;
        }
        if process.killed || fate == 0 {
            self.deaths.insert(worker, process.at.map(|(job, _)| job));
            process.dead = true;
            let (cause, message) = (Fault::Killed, "gone".to_owned());
            process.outbox.push_back(Event::Exited { slot, worker, cause, message, peak: 0 });
            return;
        }
        if !process.ready {
            process.ready = true;
            process.outbox.push_back(Event::Ready { slot, worker });
            return;
        }
        // It listens in a thread of its own, so that this may come at any time.
        if fate < 50
            && let Some(told) = process.inbox.pop_front()
        {
            match told {
                Told::Job(job, attempt, heard) if heard == process.round => {
                    process.hand.push_back((job, attempt));
                    let begun = process.begin();
                    self.note_begin(slot, begun);
                }
                Told::Job(..) => {}
                Told::Recall | Told::Cancel => {
                    process.asked |= matches!(told, Told::Cancel) && process.at.is_some();
                    let jobs = process.give_back();
                    process.outbox.push_back(Event::GivenBack { slot, worker, jobs });
                }
                Told::Quit => {
                    assert!(process.at.is_none() && process.hand.is_empty());
                    process.killed = true;
                }
            }
            return;
        }
        let Some((job, attempt)) = process.at.take() else { return };
        let result = match fate {
            97.. => Err((Fault::Full, "full".to_owned())),
            95.. => Err((Fault::Unfinished, "busy".to_owned())),
            _ if process.asked => Err((Fault::Stopped, "stopped".to_owned())),
            _ => Ok(()),
        };
        let gives_back = result.is_err();
        if gives_back {
            process.hand.clear();
            process.round += 1;
        } else {
            *self.good.entry(job).or_default() += 1;
        }
        let spent = Duration::from_micros(1500);
        let (peak, rest) = (1 << 20, 1 << 20);
        let report = Report { job, attempt, result, peak, rest, spent, gives_back };
        process.outbox.push_back(Event::Ended { slot, worker, report });
        let begun = process.begin();
        self.note_begin(slot, begun);
    }

    fn note_begin(&mut self, slot: SlotId, begun: Option<JobId>) {
        let Some(job) = begun else { return };
        for (id, process) in self.slots.iter().filter(|(id, _)| **id != slot) {
            let at = process.at.filter(|_| !process.dead).map(|(job, _)| job);
            assert_ne!(at, Some(job), "it runs in {id:?} as well");
        }
        assert!(!self.good.contains_key(&job), "{job:?} was done before");
        *self.begun.entry(job).or_default() += 1;
    }

    /// What a worker said comes in, some of it.
    fn deliver(&mut self, slot: SlotId, many: usize) {
        for _ in 0..many {
            let Some(process) = self.slots.get_mut(&slot) else { return };
            let Some(event) = process.outbox.pop_front() else { return };
            if let Event::Ended { report: Report { gives_back: true, .. }, .. } = event {
                process.heard += 1;
            }
            if let Event::Exited { worker, .. } = event {
                // What it was told of and never heard, it would have begun next.
                let round = process.round;
                let next = process.inbox.iter().find_map(|told| match told {
                    Told::Job(job, _, heard) if *heard == round => Some(*job),
                    _ => None,
                });
                let at = self.deaths.entry(worker).or_default();
                *at = at.or(next);
                assert!(process.outbox.is_empty());
                self.slots.remove(&slot);
            }
            self.feed(event);
        }
    }

    fn memory(&mut self, tight: bool) {
        let headroom = if tight { -1 } else { 1 << 40 };
        let (used, budget) = if tight { (90 * GIB, 80 * GIB) } else { (GIB, 80 * GIB) };
        let anon = Vec::new();
        self.feed(Event::Memory(MemoryReading { limit: 100 * GIB, budget, used, headroom, anon }));
    }

    fn run(&mut self, random: &mut Random, kills: usize) {
        self.feed(Event::Tick);
        for _ in 0..200_000 {
            if self.over.is_some() {
                return;
            }
            let slots: Vec<SlotId> = self.slots.keys().copied().collect();
            self.deepest = self.deepest.max(self.scheduler.in_hands());
            match below(random, 100) {
                0..60 if !slots.is_empty() => {
                    let fate = if below(random, 1000) < kills { 0 } else { 1 + below(random, 99) };
                    self.step(slots[below(random, slots.len())], fate);
                }
                60..90 if !slots.is_empty() => {
                    self.deliver(slots[below(random, slots.len())], 1 + below(random, 6));
                }
                90..92 => self.memory(true),
                92..95 => self.memory(false),
                95..97 => self.feed(Event::Space { enough: true }),
                _ => {
                    self.now += Duration::from_millis(below(random, 300) as u64);
                    self.feed(Event::Tick);
                }
            }
        }
        panic!("no end in sight");
    }
}

#[test]
fn nothing_is_lost_or_done_twice_whatever_is_on_the_way() {
    let (mut deaths, mut deepest) = (0, 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let jobs = 1 + below(&mut random, 200);
        let mut world = World::new(1 + u32::try_from(below(&mut random, 3)).unwrap(), jobs);
        let kills = below(&mut random, 30);
        world.run(&mut random, kills);
        assert_eq!(world.over, Some(Ending::Complete), "seed {seed}");
        assert_eq!(world.ended.len(), jobs);
        for job in (0..u32::try_from(jobs).unwrap()).map(JobId) {
            assert_eq!(world.good.get(&job), Some(&1), "{job:?} of seed {seed}");
            let (counted, begun) = (world.counted[&job], world.begun[&job]);
            // A job is counted that its worker would have begun next when it died.
            let charged = world.charged.get(&job).copied().unwrap_or(0);
            assert!(begun <= counted && counted == charged + 1, "{job:?} of seed {seed}");
        }
        deaths += world.deaths.len();
        deepest = deepest.max(world.deepest);
    }
    assert!(deaths > 2000 && deepest > 30, "{deaths} deaths, {deepest} jobs in hands");
}

#[test]
fn a_signal_takes_back_what_was_not_begun() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut world = World::new(2, 400);
        world.feed(Event::Tick);
        // Some are done before it, and some are on the way.
        for _ in 0..400 {
            let slots: Vec<SlotId> = world.slots.keys().copied().collect();
            let slot = slots[below(&mut random, slots.len())];
            world.step(slot, 1 + below(&mut random, 90));
            if below(&mut random, 3) == 0 {
                world.deliver(slot, 3);
            }
        }
        world.feed(Event::Signal { reason: "SIGTERM".into() });
        let asked = world.begun.len();
        for _ in 0..10_000 {
            let slots: Vec<SlotId> = world.slots.keys().copied().collect();
            if world.over.is_some() || slots.is_empty() {
                break;
            }
            let slot = slots[below(&mut random, slots.len())];
            // It hears before it goes on.
            let told = world.slots[&slot].inbox.len();
            for _ in 0..told {
                world.step(slot, 1);
            }
            world.step(slot, 60);
            world.deliver(slot, 100);
        }
        assert_eq!(world.over, Some(Ending::Interrupted), "seed {seed}");
        assert!(world.begun.len() <= asked + 2, "seed {seed}: {} of {asked}", world.begun.len());
        assert_eq!(world.ended.len(), world.good.len());
        let over = |job: &JobId| !world.charged.contains_key(job) || world.ended.contains(job);
        assert!(world.counted.keys().all(over), "seed {seed}: an attempt was charged");
    }
}

#[test]
fn in_the_end_no_slot_waits_for_another() {
    let mut world = World::new(2, 200);
    let mut random = Random(7);
    world.run(&mut random, 0);
    // What lies behind a file that takes long goes to whoever is idle.
    let mut world = World::new(2, 60);
    world.feed(Event::Tick);
    let (stuck, free) = (SlotId(0), SlotId(1));
    for slot in [stuck, free] {
        world.step(slot, 60);
        world.deliver(slot, 1);
    }
    // The first four files tell how long they take.
    for slot in [stuck, free, stuck, free] {
        while !world.slots[&slot].inbox.is_empty() {
            world.step(slot, 1);
        }
        world.step(slot, 60);
        world.step(slot, 60);
        world.deliver(slot, 9);
    }
    while !world.slots[&stuck].inbox.is_empty() {
        world.step(stuck, 1);
    }
    world.step(stuck, 60);
    assert!(world.slots[&stuck].at.is_some() && !world.slots[&stuck].hand.is_empty());
    for _ in 0..2000 {
        world.now += Duration::from_millis(20);
        world.feed(Event::Tick);
        // The stuck one hears what it is told, and goes on with its file for ever.
        while !world.slots[&stuck].inbox.is_empty() {
            world.step(stuck, 1);
        }
        world.deliver(stuck, 9);
        while !world.slots[&free].inbox.is_empty() {
            world.step(free, 1);
        }
        world.step(free, 60);
        world.deliver(free, 9);
    }
    assert_eq!(world.ended.len(), 59, "all but the one that takes long");
}
