//! The page of trainings: `GET /factory` and `GET /factory/{run}.svg`, for the folder of `[factory]`.

use super::errors::ApiError;
use crate::worker::Worker;
use axum::{
	extract::{Path, State},
	http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
	response::{IntoResponse, Response},
};
use std::{path::PathBuf, sync::Arc, time::SystemTime};
use tokio::sync::Semaphore;
use tributary_factory::{
	plot::{svg, Curve},
	runs::{self, Run},
};

/// Pictures drawn at a time: answers come first.
static DRAWING: Semaphore = Semaphore::const_new(2);
/// Runs whose curves are shown at once; the others are links.
const SHOWN: usize = 4;
/// A curve that changed since is that of a running training, seconds.
const RUNNING_SECS: u64 = 120;
/// No scripts, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'";

/// `GET /factory`: the runs, the last first. The page loads itself anew.
pub async fn page(State(worker): State<Arc<Worker>>) -> Result<Response, ApiError> {
	let folder = folder(&worker)?;
	let found = blocking(move || Ok(runs::list(&folder))).await?;
	let headers = [
		(CONTENT_TYPE, "text/html; charset=utf-8"),
		(CONTENT_SECURITY_POLICY, POLICY),
		(CACHE_CONTROL, "no-store"),
	];
	Ok((headers, html(&found)).into_response())
}

/// `GET /factory/{run}.svg`: a run's curve.
pub async fn picture(
	State(worker): State<Arc<Worker>>,
	Path(file): Path<String>,
) -> Result<Response, ApiError> {
	let folder = folder(&worker)?;
	let unknown =
		|| ApiError::not_found("unknown_run", "there is no such run: /factory lists those there are");
	let name = file.strip_suffix(".svg").ok_or_else(unknown)?.to_owned();
	let busy = |_| ApiError::unavailable("drawing", "other curves are being drawn, try again", 1);
	let _permit = DRAWING.try_acquire().map_err(busy)?;
	let drawn = blocking(move || {
		let Some(run) = runs::find(&folder, &name) else { return Ok(None) };
		let curve = Curve::read(&run.label, &run.curve).map_err(|error| error.to_string())?;
		svg(&[curve]).map(Some).map_err(|error| error.to_string())
	})
	.await?
	.ok_or_else(unknown)?;
	let headers =
		[(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")];
	Ok((headers, drawn).into_response())
}

fn folder(worker: &Worker) -> Result<PathBuf, ApiError> {
	worker.config.factory.folder.clone().ok_or_else(|| {
		ApiError::not_found("no_factory", "this worker shows no trainings: its operator sets factory.folder")
	})
}

async fn blocking<T: Send + 'static>(
	work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, ApiError> {
	let done = tokio::task::spawn_blocking(work).await;
	done.map_err(|error| error.to_string()).and_then(|done| done).map_err(|error| {
		// The path is the operator's business.
		tracing::warn!(%error, "a curve cannot be shown");
		ApiError::internal("curve", "the curve cannot be read; the worker's log says why")
	})
}

fn html(found: &[Run]) -> String {
	let mut body = String::new();
	for (index, run) in found.iter().enumerate() {
		let age = SystemTime::now().duration_since(run.changed).unwrap_or_default().as_secs();
		let state = match age {
			0..RUNNING_SECS => "running".to_owned(),
			age if age < 7_200 => format!("{} minutes ago", age / 60),
			age => format!("{} hours ago", age / 3_600),
		};
		// Names are plain letters; labels may be anything.
		let (name, label) = (&run.name, escaped(&run.label));
		body += &format!("<h2><a href=\"/factory/{name}.svg\">{label}</a> <small>{state}</small></h2>\n");
		if index < SHOWN {
			body += &format!("<img src=\"/factory/{name}.svg\" alt=\"loss of {label}\">\n");
		}
	}
	if body.is_empty() {
		body = "<p>no training yet: <code>tributary factory run recipe.yaml</code></p>\n".into();
	}
	format!(
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\n\
		 <title>Trainings</title>\n<style>body{{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
		 img{{width:100%}}h2{{font-size:1.1rem}}small{{color:#666;font-weight:normal}}</style></head>\n<body>\n\
		 <h1>Trainings</h1>\n{body}</body></html>\n"
	)
}

fn escaped(text: &str) -> String {
	text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
