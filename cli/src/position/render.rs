//! `soundstage position render`: what the listener hears of a recorded voice that goes where a recording says.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use soundstage_formats::{Appearance, Recording};
use soundstage_sound::{Binaural, Place, Track};

use super::recording;
use crate::failure::Failure;
use crate::output::partial;

#[derive(Args)]
pub(crate) struct RenderArgs {
    /// The voice: a WAV file; several channels are mixed into one
    #[arg(long, value_name = "WAV")]
    input: PathBuf,
    /// Where it goes: a recording, as `position record` writes it
    #[arg(long, value_name = "NDJSON")]
    track: PathBuf,
    /// Whose place in the recording it is, if there are several: a name or an id
    #[arg(long, value_name = "NAME|ID")]
    character: Option<String>,
    /// What is heard: a stereo WAV file of 32-bit floating-point samples, as long as the voice
    #[arg(long, value_name = "WAV")]
    output: PathBuf,
    /// Louder or softer by so many decibels
    #[arg(
        long,
        value_name = "DB",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    gain: f64,
}

pub(super) fn run(render: &RenderArgs) -> Result<(), Failure> {
    let track = track(&recording::read(&render.track)?, render)?;
    let (voice, sample_rate) = read_voice(&render.input)?;

    let loudness = 10_f64.powf(render.gain / 20.0);
    let mut source = Binaural::new(sample_rate);
    let spec = WavSpec {
        channels: 2,
        sample_rate,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    // The file is there whole or not at all.
    let unfinished = partial(&render.output);
    let unwritten = |error| wav_failure(&render.output, error);
    let mut output = WavWriter::create(&unfinished, spec).map_err(unwritten)?;
    let mut peak = 0.0_f64;
    for (index, sample) in voice.iter().enumerate() {
        let place = track.at(index as f64 / f64::from(sample_rate));
        let (left, right) = source.hear(f64::from(*sample) * loudness, place);
        peak = peak.max(left.abs()).max(right.abs());
        output.write_sample(left as f32).map_err(unwritten)?;
        output.write_sample(right as f32).map_err(unwritten)?;
    }
    output.finalize().map_err(unwritten)?;
    fs::rename(&unfinished, &render.output)
        .map_err(|error| Failure::file(&render.output, error))?;
    let seconds = voice.len() as f64 / f64::from(sample_rate);
    eprintln!("{seconds:.1} s in {}", render.output.display());
    if peak > 1.0 {
        let over = 20.0 * peak.log10();
        eprintln!(
            "it is {over:.1} dB too loud to be played as it is; give --gain {:.0}",
            -over.ceil()
        );
    }
    Ok(())
}

/// Where the one goes whom the voice belongs to.
fn track(recording: &Recording, render: &RenderArgs) -> Result<Track, Failure> {
    let path = render.track.display();
    let parts = recording.appearances.iter().enumerate();
    let fits = |part: &Appearance| match &render.character {
        Some(wanted) => {
            part.name == *wanted || part.character.is_some_and(|id| id.to_string() == *wanted)
        }
        None => true,
    };
    let fitting: Vec<_> = parts.filter(|(_, part)| fits(part)).collect();
    let part = match (fitting.as_slice(), &render.character) {
        ([(part, _)], _) => *part,
        ([], _) => {
            let wanted = render.character.clone().unwrap_or_default();
            return Err(Failure::BadInput(format!(
                "{path}: nobody in it is {wanted:?}"
            )));
        }
        (several, _) => {
            let names = several.iter().take(5).map(|(_, part)| {
                let id = part.character.map_or("no id".into(), |id| id.to_string());
                format!("{} ({id})", part.name)
            });
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Failure::BadInput(format!(
                "{path}: {} are recorded there; choose one with --character: {names}",
                several.len()
            )));
        }
    };
    let samples = recording.positions(part).map(|(time_ms, [x, y, z])| {
        let place = Place {
            x: x.into(),
            y: y.into(),
            z: z.into(),
        };
        (time_ms as f64 / 1e3, place)
    });
    Track::new(samples.collect()).map_err(|error| Failure::BadInput(format!("{path}: {error}")))
}

/// The samples of a WAV file as one channel, from -1 to 1, and how many there are a second.
fn read_voice(path: &Path) -> Result<(Vec<f32>, u32), Failure> {
    let unreadable = |error| wav_failure(path, error);
    let mut reader = WavReader::open(path).map_err(unreadable)?;
    let spec = reader.spec();
    let samples: Result<Vec<f32>, _> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
            let samples = reader.samples::<i32>();
            samples.map(|sample| Ok(sample? as f32 / full)).collect()
        }
    };
    let samples = samples.map_err(unreadable)?;
    let channels = usize::from(spec.channels.max(1));
    let mixed = samples
        .chunks_exact(channels)
        .map(|frame| frame.iter().sum::<f32>() / channels as f32);
    let voice: Vec<f32> = mixed.collect();
    if voice.is_empty() || spec.sample_rate == 0 {
        return Err(Failure::BadInput(format!(
            "{}: there is no sound in it",
            path.display()
        )));
    }
    Ok((voice, spec.sample_rate))
}

fn wav_failure(path: &Path, error: hound::Error) -> Failure {
    match error {
        hound::Error::IoError(error) => Failure::file(path, error),
        other => Failure::BadInput(format!(
            "{}: no WAV file that can be read ({other})",
            path.display()
        )),
    }
}
