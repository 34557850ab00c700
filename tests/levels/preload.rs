//! Bits flipped on their way from the program to the kernel, by a library that stands in for libc's
//! writes.

use crate::sample::{Kind, LEVELS, Way, kinds, notices, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flips bit 3 of the byte at FLIP_AT that goes to a temporary file.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_output(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 5) return 0;
    path[n] = 0;
    return strcmp(path + n - 5, ".part") == 0;
}

static ssize_t flipped(ssize_t (*real)(int, const void *, size_t, off_t),
                       int fd, const void *bytes, size_t len, off_t at) {
    const char *wanted = getenv("FLIP_AT");
    off_t flip = wanted ? atoll(wanted) : -1;
    if (flip < at || flip >= at + (off_t)len || !is_output(fd)) return real(fd, bytes, len, at);
    char *copy = malloc(len);
    memcpy(copy, bytes, len);
    copy[flip - at] ^= 8;
    ssize_t n = real(fd, copy, len, at);
    free(copy);
    return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    return flipped(dlsym(RTLD_NEXT, "pwrite"), fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) {
    return flipped(dlsym(RTLD_NEXT, "pwrite64"), fd, bytes, len, at);
}

static ssize_t at_position(int fd, const void *bytes, size_t len, off_t at) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    (void)at;
    return real(fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    return flipped(at_position, fd, bytes, len, lseek(fd, 0, SEEK_CUR));
}
"#;

/// The library, if there is a C compiler.
fn library(dir: &Path) -> Option<PathBuf> {
    let [source, library] = ["flip.c", "flip.so"].map(|name| dir.join(name));
    fs::write(&source, SOURCE).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .status();
    match built {
        Ok(status) => {
            assert!(status.success(), "the library cannot be built");
            Some(library)
        }
        Err(error) => {
            eprintln!("skipped: no cc: {error}");
            None
        }
    }
}

#[test]
fn a_payload_that_is_written_wrong_is_noticed_as_the_level_promises() {
    let temp = tempfile::tempdir().unwrap();
    let Some(library) = library(temp.path()) else { return };
    let [input, output] = ["in.jld2", "out.jld2"].map(|name| temp.path().join(name));
    for way in [Way::Patch, Way::Unchanged, Way::Rewrite] {
        let clean = way.output(temp.path());
        let kinds = kinds(way, temp.path(), &clean);
        let at = kinds.iter().find(|(kind, _)| *kind == Kind::Payload).unwrap().1;
        fs::write(&input, way.input()).unwrap();
        for level in LEVELS.into_iter().map(Some).chain([None]) {
            let _ = fs::remove_file(&output);
            let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
            command.arg("convert").arg(&input).arg(&output).args(way.flags());
            if let Some(level) = level {
                command.args(["--verify", level]);
            }
            command.env("LD_PRELOAD", &library).env("FLIP_AT", at.to_string());
            let ended = run(&mut command);
            let what = format!("{way:?}, {level:?}: {ended:?}");
            let noticed = notices(way, Kind::Payload, level.unwrap_or(way.default_level()));
            assert_eq!(ended.status.code(), Some(i32::from(noticed)), "{what}");
            assert_eq!(output.exists(), !noticed, "{what}");
            if !noticed {
                // The flip took place: otherwise this would show nothing.
                let differ: Vec<_> = (0..)
                    .zip(fs::read(&output).unwrap().iter().zip(&clean))
                    .filter(|(_, (a, b))| a != b)
                    .map(|(i, _): (u64, _)| i)
                    .collect();
                assert_eq!(differ, [at], "{what}");
            }
        }
        assert_eq!(fs::read(&input).unwrap(), way.input(), "{way:?}");
    }
}
