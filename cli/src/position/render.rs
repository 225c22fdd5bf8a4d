//! `soundstage position render`: renders a voice that moves along a recording as the listener hears it.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use soundstage_formats::{Appearance, Recording};
use soundstage_sound::{Binaural, Place, Track};

use super::recording;
use crate::escape::Escaped;
use crate::failure::Failure;
use crate::output_file::OutputFile;

#[derive(Args)]
pub(crate) struct RenderArgs {
    /// WAV file of the voice; channels are mixed to mono
    #[arg(long, value_name = "WAV")]
    input: PathBuf,
    /// Recording of the positions, as `position record` writes it
    #[arg(long, value_name = "NDJSON")]
    track: PathBuf,
    /// Name or id of the character with the voice, if the recording has several characters
    #[arg(long, value_name = "NAME|ID")]
    character: Option<String>,
    /// Stereo WAV file to write, with 32-bit floating-point samples
    #[arg(long, value_name = "WAV")]
    output: PathBuf,
    /// Gain in decibels; negative is softer
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
    let unwritten = |error| wav_failure(&render.output, error);
    let io_failure = |error| Failure::file(&render.output, error);
    let file = OutputFile::create(&render.output).map_err(io_failure)?;
    let handle = BufWriter::new(file.handle().map_err(io_failure)?);
    let mut output = WavWriter::new(handle, spec).map_err(unwritten)?;
    let mut peak = 0.0_f64;
    for (index, sample) in voice.iter().enumerate() {
        let place = track.at(index as f64 / f64::from(sample_rate));
        let (left, right) = source.process(f64::from(*sample) * loudness, place);
        peak = peak.max(left.abs()).max(right.abs());
        output.write_sample(left as f32).map_err(unwritten)?;
        output.write_sample(right as f32).map_err(unwritten)?;
    }
    output.finalize().map_err(unwritten)?;
    file.complete().map_err(io_failure)?;
    let seconds = voice.len() as f64 / f64::from(sample_rate);
    eprintln!("rendered {seconds:.1} s to {}", render.output.display());
    if peak > 1.0 {
        let over = 20.0 * peak.log10();
        eprintln!(
            "the peak is {over:.1} dB above full scale; lower it with --gain {:.0}",
            -over.ceil()
        );
    }
    Ok(())
}

/// Returns the track of the character that has the voice.
fn track(recording: &Recording, render: &RenderArgs) -> Result<Track, Failure> {
    let path = render.track.display();
    let appearances = recording.appearances.iter().enumerate();
    let matches = |appearance: &Appearance| match &render.character {
        Some(wanted) => {
            let has_id = |id: u32| id.to_string() == *wanted;
            appearance.name == *wanted || appearance.character.is_some_and(has_id)
        }
        None => true,
    };
    let matching: Vec<_> = appearances
        .filter(|(_, appearance)| matches(appearance))
        .collect();
    let index = match (matching.as_slice(), &render.character) {
        ([(index, _)], _) => *index,
        ([], _) => {
            let wanted = render.character.clone().unwrap_or_default();
            return Err(Failure::InvalidInput(format!(
                "{path}: no character has the name or id {wanted:?}"
            )));
        }
        (several, _) => {
            let names = several.iter().take(5).map(|(_, appearance)| {
                let id = appearance.character;
                let id = id.map_or("no id".into(), |id| id.to_string());
                format!("{} ({id})", Escaped(&appearance.name))
            });
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Failure::InvalidInput(format!(
                "{path}: the recording has {} characters; choose one with --character: {names}",
                several.len()
            )));
        }
    };
    let samples = recording.positions(index).map(|(time_ms, [x, y, z])| {
        let place = Place {
            x: x.into(),
            y: y.into(),
            z: z.into(),
        };
        (time_ms as f64 / 1e3, place)
    });
    Track::new(samples.collect()).map_err(|error| Failure::InvalidInput(format!("{path}: {error}")))
}

/// Reads a WAV file. Returns its samples, mixed to mono and from -1 to 1, and its sample rate in Hz.
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
        return Err(Failure::InvalidInput(format!(
            "{}: the file has no samples",
            path.display()
        )));
    }
    Ok((voice, spec.sample_rate))
}

fn wav_failure(path: &Path, error: hound::Error) -> Failure {
    match error {
        hound::Error::IoError(error) => Failure::file(path, error),
        other => Failure::InvalidInput(format!(
            "{}: the file is not a readable WAV file ({other})",
            path.display()
        )),
    }
}
