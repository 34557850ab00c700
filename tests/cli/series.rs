//! `jldconv-supervisor series` on real files of many eras: its numbers are those that Mera computed in
//! real Julia (`*.quantities.json`), whatever dies on the way, and what is missing is told.

use super::world::{Ended, World, sample};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How far sums may be from Mera's, which depend on how its Julia was compiled.
pub(super) const NEAR: f64 = 1e-12;

/// All files with what Mera computed of them: those of the repository, and of the shared directory
/// where it is there.
pub(super) fn truths() -> BTreeMap<u64, (PathBuf, Value)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = || here.join("../shared");
    let shared = std::env::var_os("JLDCONV_SHARED").map_or_else(beside, PathBuf::from);
    let mut found = BTreeMap::new();
    for root in [here.join("tests/data/mera"), shared.join("mera")] {
        for era in fs::read_dir(&root).into_iter().flatten() {
            for entry in fs::read_dir(era.unwrap().path()).unwrap() {
                let truth = entry.unwrap().path();
                let name = truth.to_str().unwrap().to_owned();
                let Some(file) = name.strip_suffix(".quantities.json") else { continue };
                let json = serde_json::from_slice(&fs::read(&truth).unwrap()).unwrap();
                let number = file.rsplit_once('_').unwrap().1.trim_end_matches(".jld2");
                found.insert(number.parse().unwrap(), (PathBuf::from(file), json));
            }
        }
    }
    found
}

/// A world whose archive holds all of these files.
pub(super) fn archive(truths: &BTreeMap<u64, (PathBuf, Value)>) -> World {
    let world = World::new(&[]);
    for (number, (path, _)) in truths {
        world.put(&format!("old/output_{number:05}.jld2"), fs::read(path).unwrap());
    }
    world
}

pub(super) fn float(value: &Value) -> f64 {
    let bits = value.as_str().unwrap_or_else(|| panic!("{value} is not the bits of a float"));
    f64::from_bits(u64::from_str_radix(bits.trim_start_matches("0x"), 16).unwrap())
}

/// A series as it was written: names, and rows by the number of their output.
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: BTreeMap<u64, Vec<String>>,
}

impl Table {
    pub(super) fn of(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
        let head: Vec<String> = lines.next().unwrap().collect();
        let mut rows = BTreeMap::new();
        let mut before = None;
        for mut line in lines {
            let number: u64 = line.next().unwrap().parse().unwrap();
            assert!(before < Some(number), "{number} is not in order");
            before = Some(number);
            let row: Vec<String> = line.collect();
            assert_eq!(row.len() + 1, head.len());
            rows.insert(number, row);
        }
        Self { head, rows }
    }

    /// The cell of a column, if it is not empty.
    pub(super) fn cell(&self, number: u64, column: &str) -> Option<f64> {
        let at = self.head.iter().position(|it| it == column);
        let at = at.unwrap_or_else(|| panic!("{column} is not in {:?}", self.head));
        let text = &self.rows[&number][at - 1];
        (!text.is_empty()).then(|| text.parse().unwrap())
    }
}

#[track_caller]
pub(super) fn near(found: Option<f64>, expected: f64, sizes: f64, what: &str) {
    let found = found.unwrap_or_else(|| panic!("{what} is empty, and should be {expected}"));
    let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
    assert!(same || (found - expected).abs() <= NEAR * sizes, "{what}: {found} is not {expected}");
}

/// The example that began all this: time, total mass, largest and mean density of each snapshot. Mera's
/// `mean` is that of rows, which are cells of unlike size.
#[test]
fn time_mass_and_densities_are_those_of_mera() {
    let truths = truths();
    let world = archive(&truths);
    let what = "time[Myr],msum[Msol],max_rho[nH],mean_rho[nH]";
    world.supervisor(&["series", "old", "--what", what, "--out", "series.csv"]).ends(0);
    let text = fs::read_to_string(world.at("series.csv")).unwrap();
    let table = Table::of(&text);
    assert_eq!(table.head.join(","), "output,time [Myr],msum [Msol],max_rho [nH],mean_rho [nH]");
    assert_eq!(table.rows.len(), truths.len());
    for (number, (_, truth)) in &truths {
        let hydro = &truth["hydro"];
        let cell = |column: &str| table.cell(*number, column);
        if hydro["cosmological"] == false {
            let time = cell("time [Myr]").unwrap();
            assert_eq!(time.to_bits(), float(&hydro["time_Myr"]).to_bits(), "{number}");
        }
        let rho = &hydro["getvar"]["rho:nH"];
        let largest = cell("max_rho [nH]").unwrap();
        assert_eq!(largest.to_bits(), float(&rho["max"]).to_bits(), "{number}");
        let mass = float(&hydro["msum_Msol"]);
        near(cell("msum [Msol]"), mass, mass, "msum");
        let mean = float(&rho["sum"]) / rho["n"].as_f64().unwrap();
        near(cell("mean_rho [nH]"), mean, mean, "mean_rho");
    }
    // What is printed is what is written.
    let printed = world.supervisor(&["series", "old", "--what", what]).ends(0);
    assert_eq!(printed.out, text);
}

/// All else that Mera reduces a table to.
#[test]
fn reductions_are_those_of_mera() {
    let truths = truths();
    let world = archive(&truths);
    let mut what = vec!["time", "redshift", "count"];
    what.extend(["center_of_mass[kpc]", "bulk_velocity[km_s]", "mean_rho@mass"]);
    what.extend([
        "particles.center_of_mass",
        "particles.bulk_velocity[km_s]",
        "min_cx",
        "max_level",
    ]);
    what.extend(["particles.min_age[Gyr]", "particles.sum_id", "clumps.msum[Msol]", "clumps.msum"]);
    what.extend(["sfr", "sfr_mean", "stars", "stellar_mass", "oldest_star"]);
    let statistics = ["mean", "median", "std", "skewness", "kurtosis", "min", "max"]
        .map(|it| format!("{it}_rho"));
    let weighted =
        ["mean", "median", "std", "skewness", "kurtosis"].map(|it| format!("{it}_rho@mass"));
    let particles = ["mean", "median", "std", "skewness", "kurtosis"]
        .map(|it| format!("particles.{it}_vx@mass"));
    what.extend(statistics.iter().chain(&weighted[1..]).chain(&particles).map(String::as_str));
    let list = what.join(",");
    let args = ["series", "old", "--like-mera", "--what", &list, "--out", "series.csv"];
    world.supervisor(&args).ends(0);
    let table = Table::of(&fs::read_to_string(world.at("series.csv")).unwrap());
    let mut seen = 0;
    for (number, (_, truth)) in &truths {
        let cell = |column: &str| table.cell(*number, column);
        let hydro = &truth["hydro"];
        near(cell("time [Myr]"), float(&hydro["time_Myr"]), 0.0, "time");
        near(cell("redshift"), float(&hydro["redshift"]), 0.0, "redshift");
        assert_eq!(cell("count"), hydro["n"].as_f64(), "{number}");
        near(cell("mean_rho@mass"), float(&hydro["average_mweighted_rho"]), 1e3, "mean_rho@mass");
        assert_eq!(cell("max_level"), hydro["columns"]["level"]["max"].as_f64());
        assert_eq!(cell("min_cx"), hydro["columns"]["cx"]["min"].as_f64());
        let mut wstat = |name: &str, prefix: &str, suffix: &str, from: &Value| {
            for (key, expected) in from.as_object().into_iter().flatten() {
                let label = format!("{prefix}{key}_{name}{suffix}");
                if !table.head.contains(&label) {
                    continue;
                }
                let expected = float(expected);
                // Third and fourth powers lose some digits of the mean's.
                let sizes =
                    if key == "min" || key == "max" { 0.0 } else { expected.abs().max(1.0) };
                let far = if key.ends_with("sis") || key.ends_with("ness") { 10.0 } else { 1.0 };
                near(cell(&label), expected, far * sizes, &format!("{number} {label}"));
                seen += 1;
            }
        };
        wstat("rho", "", "", &hydro["wstat_rho"]);
        wstat("rho", "", "@mass", &hydro["wstat_mass_rho"]);
        let Some(particles) = truth.get("particles") else {
            assert_eq!(cell("stars"), None, "{number}");
            continue;
        };
        wstat("vx", "particles.", "@mass", &particles["wstat_mass_vx"]);
        for (name, from) in [("", hydro), ("particles.", particles)] {
            for (i, axis) in ["x", "y", "z"].iter().enumerate() {
                let unit = if name.is_empty() { " [kpc]" } else { "" };
                let key = if name.is_empty() { "center_of_mass_kpc" } else { "center_of_mass" };
                let label = format!("{name}center_of_mass_{axis}{unit}");
                near(cell(&label), float(&from[key][i]), 48.0, &label);
                let label = format!("{name}bulk_velocity_{axis} [km_s]");
                near(cell(&label), float(&from["bulk_velocity_km_s"][i]), 10.0, &label);
            }
        }
        let ages = &particles["getvar"]["age:Gyr"];
        if ages.get("error").is_none() {
            near(cell("particles.min_age [Gyr]"), float(&ages["min"]), 0.0, "min_age");
        }
        assert_eq!(cell("particles.sum_id"), particles["columns"]["id"]["sum"].as_f64());
        let snapshot = &particles["sfr_snapshot"];
        if snapshot.get("error").is_some() {
            assert_eq!(cell("sfr_10 [Msol/yr]"), None, "{number}");
            continue;
        }
        for (i, window) in [5, 10, 100].iter().enumerate() {
            let expected = float(&snapshot["sfr"][i]);
            near(cell(&format!("sfr_{window} [Msol/yr]")), expected, expected, "sfr");
        }
        assert_eq!(cell("stars"), snapshot["n_stars"].as_f64());
        for (label, key) in [
            ("sfr_mean [Msol/yr]", "sfr_mean"),
            ("stellar_mass [Msol]", "stellar_mass_Msol"),
            ("oldest_star [Myr]", "oldest_age"),
        ] {
            let expected = float(&snapshot[key]);
            near(cell(label), expected, expected, label);
        }
        if let Some(clumps) = truth.get("clumps") {
            let mass = float(&clumps["msum_Msol"]);
            near(cell("clumps.msum [Msol]"), mass, mass, "clumps.msum");
            seen += 1;
        }
    }
    assert!(seen > 150, "{seen}");
}

/// Where Mera is wrong the right number is told, unless Mera's is asked for.
#[test]
fn what_mera_has_wrong_is_told_right() {
    let world = World::new(&[]);
    // No expansion factor and no Hubble constant are stored: Mera's time is not a number.
    world.put("old/output_00001.jld2", sample("real-mera-1.9/output_00001.jld2"));
    let told = |more: &[&str]| {
        let args = [&["series", "old", "--what", "time,redshift,skewness_rho@mass"], more].concat();
        Table::of(&world.supervisor(&args).ends(0).out)
    };
    let (right, mera) = (told(&[]), told(&["--like-mera"]));
    assert_eq!(right.cell(1, "time [Myr]"), Some(0.0));
    assert_eq!(right.cell(1, "redshift"), None);
    assert!(mera.cell(1, "time [Myr]").unwrap().is_nan());
    assert_eq!(mera.cell(1, "redshift"), Some(f64::INFINITY));
    // Of a skewness with weights Mera leaves the weights out.
    let skewness = |table: &Table| table.cell(1, "skewness_rho@mass").unwrap();
    assert!((skewness(&mera) + 0.615_716_974_925).abs() < 1e-9 && skewness(&right) > 1.0);
}

fn some() -> World {
    let world = World::new(&[]);
    for (number, name) in [
        (100, "e4b-lz4/output_00100.jld2"),
        (101, "e4b-lz4/output_00101.jld2"),
        (102, "e4b-lz4/output_00102.jld2"),
        (103, "e4b-lz4/output_00103.jld2"),
        (400, "e8-lz4filter/output_00400.jld2"),
    ] {
        world.put(&format!("old/output_{number:05}.jld2"), sample(name));
    }
    world
}

#[test]
fn a_file_that_cannot_be_read_costs_its_own_row() {
    let world = some();
    let whole = sample("e6-lz4/output_00300.jld2");
    world.put("old/output_00104.jld2", &whole[..whole.len() / 2]);
    // Its headers are fine, its data are not.
    let mut turned = sample("e0-zlib/output_00007.jld2");
    let at = turned.len() * 6 / 10;
    turned[at] ^= 0x10;
    world.put("old/output_00105.jld2", &turned);
    world.put("old/output_00106.jld2", "no JLD2 file");
    std::os::unix::fs::symlink("nowhere", world.at("old/output_00107.jld2")).unwrap();
    // One that has neither particles nor clumps.
    world.put("old/output_00110.jld2", sample("e4b-none/output_00021.jld2"));
    let what = "msum[Msol],sum_vx,sum_vy,sum_p,particles,sfr_10,max_T[K]";
    let ended = world.supervisor(&["series", "old", "--what", what, "--out", "s.json"]).ends(1);
    insta::assert_snapshot!("series_with_files_that_cannot_be_read", ended.err);
    let json = world.json("s.json");
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let number = row["output"].as_u64().unwrap();
        assert_eq!(row["msum"].is_null(), (104..=107).contains(&number), "{row}");
        assert_eq!(row["sfr_10"].is_null(), (104..=110).contains(&number), "{row}");
    }
    assert_eq!(json["failed"].as_array().unwrap().len(), 4);
    assert_eq!(json["missing_outputs"], 291);
    assert_eq!(json["columns"][0]["unit"], "Msol");
}

#[test]
fn what_is_not_there_is_refused_before_a_file_is_read() {
    let world = World::new(&[]);
    // Nothing in the archive can be read: whoever looks fails otherwise.
    world.put("old/output_00001.jld2", "no JLD2 file");
    let refused = |args: &[&str]| {
        let ended = world.supervisor(&[&["series", "old"], args].concat()).ends(2);
        assert_eq!(ended.out, "");
        ended.err
    };
    assert!(refused(&["--what", "max_rhoo"]).contains("(is it max_rho?)"));
    assert!(refused(&["--what", "time,max_rho[Myr]"]).contains("Myr measures a time"));
    assert!(refused(&["--unit", "rho=nHH", "--what", "max_rho"]).contains("(is it nH?)"));
    assert!(refused(&["--out", "s.fits"]).contains("written as .csv, .json or .parquet"));
    assert!(refused(&["--where", "rho = 1"]).contains("compare with =="));
    assert!(refused(&["--where", "rho > 1", "--what", "sfr"]).contains("rho is not of particles"));
    assert!(refused(&["--where", "rho[kpc] > 1"]).contains("rho is a density"));
    assert!(refused(&["--range-unit", "Msol"]).contains("Msol measures a mass"));
    assert!(refused(&["--journal", "old"]).contains("where nothing is written"));
    world.supervisor(&["series", "old", "--range", "7-9"]).ends(4);
    world.supervisor(&["series", "nowhere"]).ends(2);
    assert_eq!(world.names("."), ["old"]);
}

#[test]
fn conditions_and_parts_of_the_box_choose_rows() {
    let world = some();
    let what = "count,msum,max_rho,center_of_mass_x[kpc],max_r_sphere[kpc]";
    let told = |more: &[&str]| {
        let args = [&["series", "old", "--range", "400", "--what", what], more].concat();
        Table::of(&world.supervisor(&args).ends(0).out)
    };
    let range = ["--xrange=0.4:0.6", "--yrange=0.4:0.6", "--zrange=0.45:0.55"];
    let part = told(&range);
    let truth = truths();
    let expected = &truth[&400].1["hydro"]["loaddata_range"];
    assert_eq!(part.cell(400, "count"), expected["n"].as_f64());
    let mass = float(&expected["msum"]);
    near(part.cell(400, "msum"), mass, mass, "msum");
    let all = told(&[]);
    // A centre of mass is counted from the corner, a radius from the centre.
    let centred = told(&["--center", "bc", "--where", "r_sphere[kpc] < 10"]);
    let x = |table: &Table| table.cell(400, "center_of_mass_x [kpc]").unwrap();
    assert!((x(&all) - x(&centred)).abs() < 2.0, "{} {}", x(&all), x(&centred));
    assert!(centred.cell(400, "max_r_sphere [kpc]").unwrap() < 10.0);
    assert!(all.cell(400, "max_r_sphere [kpc]").unwrap() > 30.0);
    let none = told(&["--where", "rho < 0"]);
    assert_eq!(none.cell(400, "count"), Some(0.0));
    assert_eq!(none.cell(400, "msum"), Some(0.0));
    assert_eq!(none.cell(400, "max_rho"), None);
}

/// The rows that a journal holds.
fn kept(world: &World) -> usize {
    let dir = world.at("kept/.jldconv");
    let journals = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let journals = journals.filter(|path| path.extension().is_some_and(|it| it == "jsonl"));
    let lines = journals.map(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| line.contains("\"result\":")).count()
    });
    lines.sum()
}

const KEPT: [&str; 6] = ["series", "old", "--journal", "kept", "--what", "time,msum[Msol],std_rho"];

#[test]
fn workers_that_die_cost_no_row() {
    let world = some();
    let whole = world.supervisor(&KEPT).ends(0).out;
    for fault in ["kill@00102#1", "abort@*#1", "segv@00101#1"] {
        let mut command = world.program("jldconv-supervisor", &["series", "old", KEPT[4], KEPT[5]]);
        command.env("JLDCONV_FAULT", fault);
        assert_eq!(Ended::of(&mut command, &world).ends(0).out, whole, "{fault}");
    }
    // One that kills each of its readers costs itself.
    let mut command = world.program("jldconv-supervisor", &["series", "old", KEPT[4], KEPT[5]]);
    command.env("JLDCONV_FAULT", "abort@00102");
    let ended = Ended::of(&mut command, &world).ends(1);
    assert!(ended.err.contains("output_00102.jld2: crashed: SIGABRT"), "{}", ended.err);
    let others = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("102,")).map(str::to_owned).collect()
    };
    assert_eq!(others(&ended.out), others(&whole));
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let world = some();
    let whole = world.supervisor(&["series", "old", KEPT[4], KEPT[5]]).ends(0).out;
    let mut supervisor = world
        .plain(super::world::binary("jldconv-supervisor"))
        .args(KEPT)
        .args(["-j", "2"])
        .env("JLDCONV_FAULT", "hang@00400")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while kept(&world) < 4 {
        assert!(begun.elapsed() < Duration::from_mins(2), "rows are not kept");
        assert!(supervisor.try_wait().unwrap().is_none(), "it ended though a worker hangs");
        std::thread::sleep(Duration::from_millis(20));
    }
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    // Only what was missing is read: another row would be another line.
    assert_eq!(world.supervisor(&KEPT).ends(0).out, whole);
    assert_eq!(kept(&world), 5);
    assert_eq!(world.supervisor(&KEPT).ends(0).out, whole);
    assert_eq!(kept(&world), 5);
    // Another question is answered afresh, and so is a file that is another.
    let mut other = KEPT;
    other[5] = "time,msum[Msol],std_rho@mass";
    world.supervisor(&other).ends(0);
    assert_eq!(kept(&world), 10);
    world.supervisor(&KEPT).ends(0);
    let before = kept(&world);
    world.put("old/output_00103.jld2", sample("e8-lz4filter/output_00400.jld2"));
    let after = Table::of(&world.supervisor(&KEPT).ends(0).out);
    assert_eq!(kept(&world), before + 1);
    assert_eq!(after.rows[&103], after.rows[&400]);
}

#[test]
fn a_series_is_drawn() {
    let world = some();
    world.put("old/output_00104.jld2", "no JLD2 file");
    let what = "time,msum[Msol],max_rho[nH],sum_lz,redshift";
    let args = ["series", "old", "--what", what, "--out", "s.csv", "--plot"];
    for plot in ["s.svg", "s.png"] {
        let ended = world.supervisor(&[&args[..], &[plot]].concat()).ends(1);
        assert!(ended.err.contains("redshift is not drawn: there are no numbers"), "{}", ended.err);
    }
    let svg = fs::read_to_string(world.at("s.svg")).unwrap();
    for label in
        [">msum [Msol]</text>", ">max_rho [nH]</text>", ">sum_lz</text>", ">time [Myr]</text>"]
    {
        assert!(svg.contains(label), "{label} in {svg}");
    }
    assert_eq!(svg.matches("<circle").count(), 3 * 5, "a dot for each number that there is");
    let png = fs::read(world.at("s.png")).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!([size(16), size(20)], [1200, 790]);
    let ended = world.supervisor(&["series", "old", "--plot", "s.pdf"]).ends(2);
    assert!(ended.err.contains("drawn as .png or .svg"), "{}", ended.err);
}

/// The numbers of the CSV, in columns with types.
#[test]
#[cfg(feature = "arrow")]
fn a_series_in_parquet_is_that_in_csv() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    let world = some();
    world.put("old/output_00104.jld2", "no JLD2 file");
    let what = "time[Myr],time[Gyr],msum[Msol],count,min_rho,max_level,redshift,std_T[K]";
    for out in ["s.csv", "s.parquet"] {
        world.supervisor(&["series", "old", "--what", what, "--out", out]).ends(1);
    }
    let text = fs::read_to_string(world.at("s.csv")).unwrap();
    let mut lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let reader = SerializedFileReader::new(fs::File::open(world.at("s.parquet")).unwrap()).unwrap();
    let said = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let failed = said.iter().find(|it| it.key == "failed").unwrap().value.as_ref().unwrap();
    assert!(failed.contains("output_00104.jld2"), "{failed}");
    let names = "output,time [Myr],time [Gyr],msum,count,min_rho,max_level,redshift,std_T";
    let mut rows = 0;
    for row in reader.get_row_iter(None).unwrap() {
        let (row, cells) = (row.unwrap(), lines.next().unwrap());
        let found: Vec<_> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found.join(","), names);
        for ((name, field), cell) in row.get_column_iter().zip(cells) {
            match field {
                Field::Null => assert_eq!(cell, "", "{name}"),
                Field::Long(i) => assert_eq!(cell, i.to_string(), "{name}"),
                Field::Double(x) => assert_eq!(cell, format!("{x:?}"), "{name}"),
                other => panic!("{name}: {other}"),
            }
        }
        rows += 1;
    }
    assert_eq!((rows, lines.next()), (6, None));
}
