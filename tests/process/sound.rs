//! Recordings of positions, and rendering a voice that moves along a recording.

use std::fs;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use soundstage_tests::binary::{self, Serve};
use tempfile::TempDir;

const RATE: u32 = 48_000;

/// A folder for the files of a test.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a mono WAV file of 16-bit samples, given as numbers from -1 to 1.
    fn voice(&self, samples: impl Iterator<Item = f64>) -> PathBuf {
        let path = self.path("voice.wav");
        let spec = WavSpec {
            channels: 1,
            sample_rate: RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut file = WavWriter::create(&path, spec).expect("a file");
        for sample in samples {
            file.write_sample((sample * 32_767.0) as i16)
                .expect("written");
        }
        file.finalize().expect("written");
        path
    }

    /// Renders a voice along a track and returns the left and the right channel.
    fn render(&self, voice: &Path, track: &str) -> (Vec<f64>, Vec<f64>) {
        let (track_path, output) = (self.path("track.ndjson"), self.path("stereo.wav"));
        fs::write(&track_path, track).expect("written");
        let (status, stderr) = render(voice, &track_path, &output);
        assert_eq!(status, 0, "{stderr}");
        let mut file = WavReader::open(output).expect("a WAV file");
        assert_eq!((file.spec().channels, file.spec().sample_rate), (2, RATE));
        let samples: Vec<f32> = file.samples().collect::<Result<_, _>>().expect("samples");
        let channel = |channel: usize| {
            let channel = samples.iter().skip(channel).step_by(2);
            channel.map(|sample| f64::from(*sample)).collect()
        };
        (channel(0), channel(1))
    }
}

/// Runs `position render` and returns its exit status and standard error.
fn render(voice: &Path, track: &Path, output: &Path) -> (i32, String) {
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let output = binary::run(&[
        "position",
        "render",
        "--input",
        &text(voice),
        "--track",
        &text(track),
        "--output",
        &text(output),
    ]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit status"), stderr)
}

/// Returns half a second of white noise, the same each time.
fn noise() -> impl Iterator<Item = f64> {
    let mut state = 1_u64;
    let next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0) * 0.1
    };
    std::iter::repeat_with(next).take(RATE as usize / 2)
}

/// Returns the mean power in decibels.
fn decibels(samples: &[f64]) -> f64 {
    let power: f64 = samples.iter().map(|sample| sample * sample).sum();
    10.0 * (power / samples.len() as f64).log10()
}

/// Returns the number of samples by which the right channel lags behind the left.
fn lag(left: &[f64], right: &[f64]) -> i32 {
    let correlation = |lag: &i32| -> f64 {
        let pairs =
            (100..left.len() - 100).map(|index| left[index] * right[(index as i32 + lag) as usize]);
        pairs.sum()
    };
    let best = (-60..=60).max_by(|one, other| correlation(one).total_cmp(&correlation(other)));
    best.expect("some")
}

/// Returns a recording that stays at one position.
fn at(x: f64, y: f64) -> String {
    format!("{{\"time_ms\":0,\"x\":{x},\"y\":{y},\"z\":0}}\n")
}

#[test]
fn a_voice_is_heard_from_its_position() {
    let folder = Folder::new();
    let voice = folder.voice(noise());
    let (left, right) = folder.render(&voice, &at(0.0, 1.4));
    assert!(decibels(&left) - decibels(&right) > 6.0);
    let later = lag(&left, &right);
    assert!((20..40).contains(&later), "{later} samples");
    for x in [1.0, -1.0] {
        let (left, right) = folder.render(&voice, &at(x, -1.0));
        assert!(decibels(&right) - decibels(&left) > 6.0, "at {x}");
        assert!(lag(&left, &right) < -10, "at {x}");
    }
    let (near, _) = folder.render(&voice, &at(1.4, 0.0));
    let (far, _) = folder.render(&voice, &at(2.8, 0.0));
    let halved = decibels(&near) - decibels(&far);
    assert!((halved - 6.02).abs() < 0.5, "{halved} dB");
}

#[test]
fn a_full_circle_is_free_of_clicks_and_passes_both_ears() {
    let folder = Folder::new();
    let tone = (0..RATE * 2).map(|sample| {
        (f64::from(sample) * 440.0 / f64::from(RATE) * std::f64::consts::TAU).sin() * 0.2
    });
    let voice = folder.voice(tone);
    // One step each 100 ms, like the server's walk; 2 s for the circle.
    let steps = (0..=20).map(|step| {
        let (y, x) = (f64::from(step) / 20.0 * std::f64::consts::TAU).sin_cos();
        format!("{{\"time_ms\":{},\"x\":{x},\"y\":{y}}}\n", step * 100)
    });
    let circle: String = steps.collect();
    // The largest second difference: a click would make it large.
    let roughness = |samples: &[f64]| {
        let triples = samples[1000..].windows(3);
        triples
            .map(|three| (three[2] - 2.0 * three[1] + three[0]).abs())
            .fold(0.0, f64::max)
    };
    let (still, _) = folder.render(&voice, &at(0.0, 0.95));
    let (left, right) = folder.render(&voice, &circle);
    assert!(
        roughness(&left) < 1.3 * roughness(&still),
        "{} {}",
        roughness(&left),
        roughness(&still)
    );
    assert!(roughness(&right) < 1.3 * roughness(&still));
    // The voice is at the left after a quarter of the circle and at the right after three quarters.
    let quarter = RATE as usize / 2;
    let around = |channel: &[f64], middle: usize| decibels(&channel[middle - 2000..middle + 2000]);
    assert!(around(&left, quarter) > around(&right, quarter) + 1.0);
    assert!(around(&right, 3 * quarter) > around(&left, 3 * quarter) + 1.0);
}

#[test]
fn an_unreadable_input_is_named_and_leaves_no_output() {
    let folder = Folder::new();
    let voice = folder.voice(noise());
    let (track, output) = (folder.path("track.ndjson"), folder.path("out.wav"));
    fs::write(&track, "{\"time_ms\":0,\"x\":1}\n").expect("written");
    let (status, stderr) = render(&voice, &track, &output);
    assert_eq!(status, 5, "{stderr}");
    assert!(
        stderr.contains("track.ndjson: line 1: missing field `y`"),
        "{stderr}"
    );
    fs::write(&track, at(1.0, 0.0)).expect("written");
    let (status, stderr) = render(&track, &track, &output);
    assert_eq!(status, 5, "{stderr}");
    assert!(stderr.contains("not a readable WAV file"), "{stderr}");
    let (status, stderr) = render(&folder.path("nowhere.wav"), &track, &output);
    assert_eq!(status, 1, "{stderr}");
    assert!(stderr.contains("nowhere.wav"), "{stderr}");
    assert!(!output.exists());
}

#[test]
fn positions_can_be_recorded_and_replayed() {
    let folder = Folder::new();
    let server = Serve::start(&folder.path("users.db"), &[]);
    let recording = folder.path("walk.ndjson");
    let path = recording.to_str().expect("text");
    let url = server.url();
    let run = |arguments: &[&str]| {
        let output = binary::run(&[arguments, &["--server", &url]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).expect("text")
    };
    run(&["position", "record", path, "--duration", "1s"]);
    let walk = fs::read_to_string(&recording).expect("a recording");
    let moments: Vec<serde_json::Value> = walk
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!((8..=14).contains(&moments.len()), "{walk}");
    for moment in &moments {
        let [x, y] = ["x", "y"].map(|name| moment[name].as_f64().expect("a number"));
        assert!((x.hypot(y) - 1.0).abs() < 1e-3, "{moment}");
    }

    let far = "{\"time_ms\":0,\"x\":2,\"y\":0}\n{\"time_ms\":400,\"x\":0,\"y\":3,\"z\":1}\n";
    fs::write(&recording, far).expect("written");
    run(&["position", "replay", path, "--speed", "2"]);
    let now = run(&["position", "get", "--output", "json"]);
    let now: serde_json::Value = serde_json::from_str(&now).expect("JSON");
    assert_eq!(
        (now["x"].as_f64(), now["y"].as_f64(), now["z"].as_f64()),
        (Some(0.0), Some(3.0), Some(1.0))
    );
}
