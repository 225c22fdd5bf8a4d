//! Commands for many characters on the stage.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use soundstage_tests::binary::{self, Serve};
use tempfile::TempDir;

/// Runs a `position` command and returns its standard output.
fn run(url: &str, arguments: &[&str]) -> String {
    let output = binary::run(&[&["position"], arguments, &["--server", url]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// Parses one JSON object from each line.
fn objects(lines: &str) -> Vec<Value> {
    let objects = lines.lines().map(serde_json::from_str);
    objects.collect::<Result<_, _>>().expect("JSON")
}

#[test]
fn characters_can_be_simulated_recorded_replayed_and_watched() {
    let folder = TempDir::new().expect("a folder");
    let server = Serve::start(&folder.path().join("users.db"), &[]);
    let url = server.url();
    let recording = folder.path().join("three.ndjson");
    let path = recording.to_str().expect("text");

    std::thread::scope(|scope| {
        let simulated = scope.spawn(|| {
            let simulate = ["simulate", "3", "--rate", "20", "--duration", "4s"];
            run(&url, &simulate)
        });
        run(&url, &["record", path, "--all", "--duration", "2s"]);
        simulated.join().expect("simulated");
    });
    let lines = objects(&fs::read_to_string(&recording).expect("a recording"));
    let names: BTreeSet<_> = lines.iter().map(|line| line["name"].as_str()).collect();
    let walkers = ["Walker", "Walker 1", "Walker 2", "Walker 3"].map(Some);
    assert_eq!(names, BTreeSet::from(walkers));
    let walker_1 = lines.iter().filter(|line| line["name"] == "Walker 1");
    assert!(walker_1.count() > 20, "{} lines", lines.len());
    let remaining = objects(&run(&url, &["list", "--output", "json"]));
    assert_eq!(
        remaining.len(),
        1,
        "simulated characters remain: {remaining:?}"
    );

    // Two characters with the same name, one of which leaves halfway, and the default character.
    let three = r#"{"time_ms":0,"character":7,"name":"Ann","x":1,"y":2,"z":3}
{"time_ms":0,"character":8,"name":"Ann","x":4,"y":5,"z":6}
{"time_ms":0,"x":0,"y":9}
{"time_ms":1500,"character":8,"left":true}
{"time_ms":3000,"character":7,"name":"Ann","x":7,"y":8,"z":9}
"#;
    fs::write(&recording, three).expect("written");
    let watched = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            run(
                &url,
                &["watch", "--all", "--count", "20", "--output", "json"],
            )
        });
        run(&url, &["replay", path]);
        watch.join().expect("watched")
    });
    let watched = objects(&watched);
    let anns = watched.iter().filter(|line| line["name"] == "Ann");
    let ids: BTreeSet<_> = anns.map(|line| line["character"].as_u64()).collect();
    assert_eq!(ids.len(), 2, "{watched:?}");
    let has_left = |line: &&Value| line["left"] == true;
    assert_eq!(watched.iter().filter(has_left).count(), 2, "{watched:?}");
    assert!(watched.iter().any(|line| line["y"] == 9.0));
}
