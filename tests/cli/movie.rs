//! `jldconv-supervisor look`: pictures of an archive, and frames of a movie.

use crate::world::{Ended, World, sample};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// An archive of three files that differ.
fn archive() -> World {
    let world = World::new(&[]);
    for (number, name) in [
        (1, "e4b-none/output_00021.jld2"),
        (2, "e6-lz4/output_00300.jld2"),
        (7, "e8-lz4filter/output_00400.jld2"),
    ] {
        world.put(&format!("old/output_{number:05}.jld2"), sample(name));
    }
    world
}

fn look(world: &World, args: &[&str]) -> Ended {
    let args = [&["look", "old", "frames", "--size", "64", "-j", "2"], args].concat();
    world.supervisor(&args)
}

/// Which file has a name, told apart from one that took its place.
fn identity(world: &World, name: &str) -> (u64, i64) {
    let stat = fs::metadata(world.at(name)).unwrap();
    (stat.ino(), stat.mtime_nsec())
}

const FRAMES: [&str; 3] = ["frame_00001.png", "frame_00002.png", "frame_00003.png"];

fn identities(world: &World) -> Vec<(u64, i64)> {
    FRAMES.iter().map(|name| identity(world, &format!("frames/{name}"))).collect()
}

/// What is in a PNG file's chunks of this name.
fn chunks(png: &[u8], name: [u8; 4]) -> Vec<u8> {
    let (mut at, mut found) = (8, Vec::new());
    while at < png.len() {
        let len = u32::from_be_bytes(*png[at..].first_chunk().unwrap()) as usize;
        if png[at + 4..at + 8] == name {
            found.extend_from_slice(&png[at + 8..at + 8 + len]);
        }
        at += 12 + len;
    }
    found
}

#[test]
fn frames_have_one_scale_and_come_once() {
    let world = archive();
    let ended = look(&world, &["--movie", "--var", "rho"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.names("frames"), FRAMES);
    assert!(ended.out.contains("frames: 3 pictures\n"), "{}", ended.out);
    let movie = "ffmpeg -framerate 10 -pattern_type glob -i 'frames/frame_*.png'";
    assert!(ended.out.contains(movie), "{}", ended.out);
    // Each is the picture of its file with the limits that all have together.
    let files = ["old/output_00001.jld2", "old/output_00002.jld2", "old/output_00007.jld2"];
    let told = |file: &str| -> Value {
        let args = ["look", file, "--var", "rho", "--pixels", "64", "--json"];
        let ended = world.jldconv(&args);
        serde_json::from_str(&ended.out).unwrap()
    };
    let side = |name: &str| files.map(|file| told(file)["limits"][name].as_f64().unwrap());
    let low = side("low").into_iter().fold(f64::INFINITY, f64::min);
    let high = side("high").into_iter().fold(0.0, f64::max);
    let limits = format!("--limits={low}:{high}");
    for (file, frame) in files.iter().zip(FRAMES) {
        let one = frame.replace("frame", "one");
        let args = ["look", file, "--var", "rho", "--pixels", "64", "--size", "64", &limits];
        let args = [&args[..], &["--scale", "log", "-o", &one]].concat();
        let ended = world.jldconv(&args);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let [frame, one] =
            [format!("frames/{frame}"), one].map(|it| fs::read(world.at(&it)).unwrap());
        assert!(chunks(&frame, *b"IDAT") == chunks(&one, *b"IDAT"), "{file}");
    }
    // Again, nothing is made; of what is missing or changed, that.
    let before = identities(&world);
    let ended = look(&world, &["--movie", "--var", "rho"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(identities(&world), before);
    fs::remove_file(world.at("frames/frame_00002.png")).unwrap();
    let ended = look(&world, &["--movie", "--var", "rho"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let after = identities(&world);
    assert_eq!([after[0], after[2]], [before[0], before[2]]);
    // Another scale makes all frames anew: they are ours. One that was touched since is kept.
    let mut touched = fs::read(world.at("frames/frame_00001.png")).unwrap();
    touched.push(0);
    fs::write(world.at("frames/frame_00001.png"), &touched).unwrap();
    let ended = look(&world, &["--movie", "--var", "rho", "--limits", "1e-3:1e6"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(identities(&world).iter().zip(&after).all(|(now, then)| now != then));
    assert_eq!(world.names("frames/.jldconv/replaced/look"), ["frame_00001.png"]);
    let kept = fs::read(world.at("frames/.jldconv/replaced/look/frame_00001.png")).unwrap();
    assert!(kept == touched);
}

#[test]
fn frames_of_an_earlier_run_are_told_and_not_in_the_movie() {
    let world = archive();
    assert_eq!(look(&world, &["--movie"]).code, Some(0));
    let ended = look(&world, &["--movie", "--outputs", "1-2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let told =
        "1 frame is not of this run (frame_00003.png); the movie below has those of this run";
    assert!(ended.err.contains(told), "{}", ended.err);
    let frames = "-start_number 1 -i 'frames/frame_%05d.png' -frames:v 2 ";
    assert!(ended.out.contains(frames), "{}", ended.out);
    // Where a frame is missing in between, ffmpeg cannot be told that.
    world.put("old/output_00001.jld2", "nothing");
    let ended = look(&world, &["--movie", "--outputs", "1-2"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let told = "2 frames are not of this run (frame_00001.png and so on); a movie would have them";
    assert!(ended.err.contains(told), "{}", ended.err);
    assert_eq!(world.names("frames"), FRAMES);
}

#[test]
fn what_is_not_ours_stays_and_what_cannot_be_read_is_told() {
    let world = archive();
    fs::create_dir(world.at("frames")).unwrap();
    world.put("frames/frame_00002.png", "mine");
    world.put("old/output_00009.jld2", "nothing");
    let ended = look(&world, &["--movie", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("output_00009.jld2: "), "{}", ended.err);
    assert!(ended.err.contains("frame_00002.png"), "{}", ended.err);
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0]["error"].is_null() && lines[1]["picture"].is_null());
    assert_eq!(lines[4]["summary"], serde_json::json!({ "pictures": 2, "failed": 2 }));
    assert_eq!(fs::read(world.at("frames/frame_00002.png")).unwrap(), b"mine");
    assert_eq!(world.names("frames"), FRAMES);
    let ended = look(&world, &["--movie", "--force", "--outputs", "1-7"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(fs::read(world.at("frames/frame_00002.png")).unwrap().starts_with(b"\x89PNG"));
    let kept = world.at("frames/.jldconv/replaced/look/frame_00002.png");
    assert_eq!(fs::read(kept).unwrap(), b"mine");
}

#[test]
fn a_phase_diagram_moves_between_fixed_axes_and_pictures_have_their_files_names() {
    let world = archive();
    let ended = look(&world, &["--movie", "--phase", "rho,T", "--pixels", "32"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.names("frames"), FRAMES);
    let bytes = FRAMES.map(|name| fs::read(world.at(&format!("frames/{name}"))).unwrap());
    assert!(bytes.iter().all(|png| png[16..24] == bytes[0][16..24]), "all are of one size");
    let args = ["look", "old", "pictures", "--size", "32", "--table", "hydro"];
    let ended = world.supervisor(&args);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let names = ["output_00001.png", "output_00002.png", "output_00007.png"];
    assert_eq!(world.names("pictures"), names);
    assert!(!ended.out.contains("ffmpeg"), "{}", ended.out);
    for (args, code, message) in [
        (&["look", "old", "old"][..], 2, "is the archive itself"),
        (&["look", "new", "frames"], 2, "there is no such directory"),
        (&["look", "old", "frames", "--outputs", "50-"], 4, "no file of it is chosen"),
        (&["look", "old", "frames", "--where", "level ="], 2, "error"),
        (
            &[
                "look",
                "old",
                "frames",
                "--var",
                "vx",
                "--movie",
                "--scale",
                "log",
                "--limits=-2:-1",
            ],
            2,
            "above 0",
        ),
    ] {
        let ended = world.supervisor(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(message), "{args:?}: {}", ended.err);
    }
}
