//! Loss curves as SVG, drawn from `curves.jsonl` while it is written. No fonts are read: the viewer has its own.

use std::path::Path;

use plotters::{
	coord::Shift,
	prelude::{
		ChartBuilder, Color, DrawingArea, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend,
		SeriesLabelPosition, BLACK, WHITE,
	},
};

use crate::{
	curves::{read_curve, CurvePoint},
	error::FactoryError,
};

/// Size of the picture, pixels.
const SIZE: (u32, u32) = (900, 520);
/// Most points drawn of a line: more than there are pixels show nothing more.
const MAX_POINTS: usize = 1_000;
/// Largest file drawn, bytes.
const MAX_CURVE_BYTES: u64 = 64 << 20;
/// Most runs in a picture.
pub const MAX_RUNS: usize = 8;
/// Colours of runs, told apart by the colour-blind too (Okabe and Ito, 2008).
const COLOURS: [RGBColor; MAX_RUNS] = [
	RGBColor(0, 114, 178),
	RGBColor(213, 94, 0),
	RGBColor(0, 158, 115),
	RGBColor(204, 121, 167),
	RGBColor(86, 180, 233),
	RGBColor(230, 159, 0),
	RGBColor(120, 120, 120),
	RGBColor(0, 0, 0),
];

/// The curve of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
	/// What the run is called.
	pub name: String,
	/// Training loss by step, nats per token.
	pub training: Vec<(f64, f64)>,
	/// Held-out loss by step.
	pub held_out: Vec<(f64, f64)>,
	/// Learning rate by step.
	pub learning_rate: Vec<(f64, f64)>,
	/// Steps whose loss or gradient was no number.
	pub skipped: usize,
}

impl Curve {
	/// Reads a curve that may still be written. Errors: unreadable, damaged or too large.
	pub fn read(name: &str, path: &Path) -> Result<Self, FactoryError> {
		let bytes = std::fs::metadata(path).map_err(FactoryError::read(path))?.len();
		if bytes > MAX_CURVE_BYTES {
			let reason = format!("{bytes} bytes are more than the {MAX_CURVE_BYTES} of a curve");
			return Err(FactoryError::model(path, reason));
		}
		let mut curve = Self { name: name.to_owned(), ..Self::default() };
		for point in read_curve(path)? {
			match point {
				CurvePoint::Step { step, loss, learning_rate, .. } => {
					curve.training.push((step as f64, loss));
					curve.learning_rate.push((step as f64, learning_rate));
				}
				CurvePoint::Evaluation { step, loss, .. } => curve.held_out.push((step as f64, loss)),
				CurvePoint::Skipped { .. } => curve.skipped += 1,
			}
		}
		Ok(curve)
	}

	/// Steps done.
	pub fn steps(&self) -> usize {
		self.training.last().map_or(0, |(step, _)| *step as usize)
	}
}

/// Draws training loss (pale, and smoothed), held-out loss (dark) and, below, the learning rate of up to [`MAX_RUNS`]
/// runs. A run without points is an empty picture.
pub fn svg(curves: &[Curve]) -> Result<String, FactoryError> {
	let mut text = String::new();
	draw(curves.get(..MAX_RUNS.min(curves.len())).unwrap_or_default(), &mut text)
		.map_err(|error| FactoryError::model(Path::new("the picture"), error))?;
	Ok(text)
}

type DrawError = Box<dyn std::error::Error>;

fn draw(curves: &[Curve], text: &mut String) -> Result<(), DrawError> {
	let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
	root.fill(&WHITE)?;
	let (losses, rates) = root.split_vertically(SIZE.1 * 7 / 10);
	let last = curves.iter().map(|curve| curve.steps()).max().unwrap_or(0).max(1) as f64;
	let all = curves.iter().flat_map(|curve| curve.training.iter().chain(&curve.held_out));
	let values = all.map(|(_, loss)| *loss).filter(|loss| loss.is_finite());
	let (low, high) =
		values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)));
	let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
	let room = ((high - low) * 0.05).max(1e-3);
	draw_losses(&losses, curves, last, (low - room, high + room))?;
	draw_rates(&rates, curves, last)?;
	root.present()?;
	Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw_losses(
	area: &Area<'_>,
	curves: &[Curve],
	last: f64,
	(low, high): (f64, f64),
) -> Result<(), DrawError> {
	let mut chart = ChartBuilder::on(area)
		.margin(12)
		.caption("loss, nats per token", ("sans-serif", 18))
		.x_label_area_size(26)
		.y_label_area_size(64)
		.build_cartesian_2d(0.0..last, low..high)?;
	chart.configure_mesh().light_line_style(WHITE).x_label_formatter(&|step| format!("{step:.0}")).draw()?;
	for (curve, colour) in curves.iter().zip(COLOURS) {
		let training = thinned(&curve.training);
		chart.draw_series(LineSeries::new(training.iter().copied(), colour.mix(0.25)))?;
		chart
			.draw_series(LineSeries::new(smoothed(&training), colour.stroke_width(2)))?
			.label(format!("{}: training", curve.name))
			.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
		if !curve.held_out.is_empty() {
			let dark = RGBColor(colour.0 / 2, colour.1 / 2, colour.2 / 2);
			chart
				.draw_series(LineSeries::new(thinned(&curve.held_out), dark.stroke_width(3)).point_size(3))?
				.label(format!("{}: held out", curve.name))
				.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], dark.stroke_width(3)));
		}
	}
	if !curves.is_empty() {
		chart
			.configure_series_labels()
			.position(SeriesLabelPosition::UpperRight)
			.background_style(WHITE.mix(0.8))
			.border_style(BLACK.mix(0.2))
			.draw()?;
	}
	Ok(())
}

fn draw_rates(area: &Area<'_>, curves: &[Curve], last: f64) -> Result<(), DrawError> {
	let rates = curves.iter().flat_map(|curve| &curve.learning_rate).map(|(_, rate)| *rate);
	let highest = rates.filter(|rate| rate.is_finite()).fold(0.0, f64::max);
	let highest = if highest > 0.0 { highest } else { 1.0 };
	let mut chart = ChartBuilder::on(area)
		.margin(12)
		.caption("learning rate", ("sans-serif", 14))
		.x_label_area_size(26)
		.y_label_area_size(64)
		.build_cartesian_2d(0.0..last, 0.0..highest * 1.05)?;
	chart
		.configure_mesh()
		.light_line_style(WHITE)
		.y_labels(3)
		.x_desc("step")
		.x_label_formatter(&|step| format!("{step:.0}"))
		.y_label_formatter(&|rate| format!("{rate:.1e}"))
		.draw()?;
	for (curve, colour) in curves.iter().zip(COLOURS) {
		chart.draw_series(LineSeries::new(thinned(&curve.learning_rate), colour.stroke_width(2)))?;
	}
	Ok(())
}

/// At most about [`MAX_POINTS`] finite points, the last one among them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
	let every = points.len().div_ceil(MAX_POINTS).max(1);
	let last = points.len().saturating_sub(1);
	let kept = points.iter().enumerate().filter(|(index, _)| index % every == 0 || *index == last);
	kept.map(|(_, point)| *point).filter(|(_, value)| value.is_finite()).collect()
}

/// Moving average with a weight that fades over about ten points.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
	let mut average = None;
	let next = |(step, value): &(f64, f64)| {
		let smooth = average.map_or(*value, |before: f64| before + (value - before) / 10.0);
		average = Some(smooth);
		(*step, smooth)
	};
	points.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn curve(name: &str) -> Curve {
		let points =
			|scale: f64| (1..=3_000).map(|step| (f64::from(step), scale / f64::from(step))).collect();
		Curve {
			name: name.into(),
			training: points(5.0),
			held_out: vec![(1.0, 5.0), (3_000.0, 1.0)],
			learning_rate: points(1e-3),
			skipped: 0,
		}
	}

	#[test]
	fn picture_shows_every_run_when_there_are_several() {
		let text = svg(&[curve("one"), curve("two")]).expect("drawn");
		assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
		for label in ["one: training", "two: held out", "learning rate"] {
			assert!(text.contains(label), "{label}");
		}
		assert!(text.len() < 400_000, "{} bytes", text.len());
	}

	#[test]
	fn picture_is_drawn_when_there_is_nothing_to_show_or_no_number() {
		assert!(svg(&[]).expect("drawn").contains("</svg>"));
		assert!(svg(&[Curve::default()]).expect("drawn").contains("</svg>"));
		let broken = Curve { training: vec![(1.0, f64::NAN), (2.0, f64::INFINITY)], ..curve("broken") };
		let text = svg(&[broken]).expect("drawn");
		assert!(!text.contains("NaN"), "{text}");
	}

	#[test]
	fn names_are_escaped_when_they_hold_markup() {
		let text = svg(&[curve("<script>alert(1)</script>")]).expect("drawn");
		assert!(!text.contains("<script>"));
	}

	#[test]
	fn curve_is_read_when_it_is_being_written() {
		let dir = tempfile::tempdir().expect("temporary folder");
		let path = dir.path().join("curves.jsonl");
		let line = r#"{"kind":"step","step":1,"loss":2.0,"learning_rate":0.1,"tokens":8,"seconds":0.1}"#;
		std::fs::write(&path, format!("{line}\n{{\"kind\":\"ste")).expect("written");
		let curve = Curve::read("run", &path).expect("read");
		assert_eq!((curve.steps(), curve.training.len(), curve.held_out.len()), (1, 1, 0));
		assert!(Curve::read("run", &dir.path().join("none")).is_err());
	}
}
