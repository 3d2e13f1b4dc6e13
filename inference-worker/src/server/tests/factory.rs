//! The page of trainings.

use super::*;
use std::io::Write;

fn point(step: usize, loss: f64) -> String {
	json!({ "kind": "step", "step": step, "loss": loss, "learning_rate": 0.01, "tokens": 64, "seconds": 0.1 })
		.to_string()
		+ "\n"
}

#[tokio::test]
async fn page_shows_the_curve_of_a_training_when_it_runs() {
	let folder = tempfile::tempdir().unwrap();
	let run = folder.path().join("steps").join("0a1b");
	std::fs::create_dir_all(&run).unwrap();
	std::fs::write(run.join("step.json"), r#"{"workflow": "<docs>", "name": "train"}"#).unwrap();
	let mut curve = std::fs::File::create(run.join("curves.jsonl")).unwrap();
	curve.write_all(point(1, 5.0).as_bytes()).unwrap();
	let path = folder.path().to_path_buf();
	let scene = Scene::new(|config| config.factory.folder = Some(path)).await;

	let page = scene.get("/factory").await;
	assert_eq!(page.status(), 200);
	assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
	let html = page.text().await.unwrap();
	assert!(html.contains("src=\"/factory/0a1b.svg\"") && html.contains("http-equiv=\"refresh\""), "{html}");
	assert!(html.contains("&lt;docs&gt;: train") && html.contains("running"), "{html}");

	let first = scene.get("/factory/0a1b.svg").await;
	assert_eq!(first.headers()["content-type"], "image/svg+xml");
	let first = first.text().await.unwrap();
	assert!(first.starts_with("<svg") && !first.contains("<docs>"));
	// The training goes on, in the middle of a line.
	curve.write_all((point(2, 4.0) + &point(3, 3.5) + "{\"kind\":").as_bytes()).unwrap();
	let second = scene.get("/factory/0a1b.svg").await.text().await.unwrap();
	assert_ne!(first, second);
}

#[tokio::test]
async fn run_is_refused_when_its_name_leads_elsewhere() {
	let folder = tempfile::tempdir().unwrap();
	for place in ["inside/good", "outside"] {
		std::fs::create_dir_all(folder.path().join(place)).unwrap();
		std::fs::write(folder.path().join(place).join("curves.jsonl"), point(1, 5.0)).unwrap();
	}
	let inside = folder.path().join("inside");
	std::os::unix::fs::symlink(folder.path().join("outside"), inside.join("link")).unwrap();
	let scene = Scene::new(|config| config.factory.folder = Some(inside)).await;
	assert_eq!(scene.get("/factory/good.svg").await.status(), 200);
	for name in
		["%2e%2e%2foutside.svg", "..%2Foutside.svg", "link.svg", "good", "none.svg", ".svg", "%00.svg"]
	{
		assert_eq!(scene.get(&format!("/factory/{name}")).await.status(), 404, "{name}");
	}
	assert!(!scene.get("/factory").await.text().await.unwrap().contains("link"));
}

#[tokio::test]
async fn curve_is_refused_without_its_path_when_it_is_damaged() {
	let folder = tempfile::tempdir().unwrap();
	std::fs::create_dir(folder.path().join("bad")).unwrap();
	std::fs::write(folder.path().join("bad/curves.jsonl"), "no point\n").unwrap();
	let path = folder.path().to_path_buf();
	let scene = Scene::new(|config| config.factory.folder = Some(path)).await;
	let response = scene.get("/factory/bad.svg").await;
	assert_eq!(response.status(), 500);
	let text = response.text().await.unwrap();
	assert!(!text.contains(folder.path().to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn page_is_refused_when_no_folder_is_configured() {
	let scene = Scene::new(|_| {}).await;
	for path in ["/factory", "/factory/run.svg"] {
		let response = scene.get(path).await;
		assert_eq!(response.status(), 404);
		assert!(response.text().await.unwrap().contains("factory.folder"));
	}
}
