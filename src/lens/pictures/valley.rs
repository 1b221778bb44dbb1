//! The valley `x^2 + 100*y^2`, long in `x` and steep in `y`, and two ways down: gradient descent and AdamW.
//!
//! [Chapter 13](crate::book::ch13_training) shows it.

use crate::lens::chart::{Chart, Scale, ticks};
use crate::lens::svg::{Align, COLORS, INK, PANEL, Point, Svg};
use crate::train::adamw::AdamW;
use crate::{Config, Gpt2, Result};

/// Where both begin, and how many steps they make.
const START: [f32; 2] = [10.0, 1.0];
const N_STEPS: usize = 100;
/// The learning rates of chapter 13.
const LR_DESCENT: f32 = 0.009;
const LR_ADAMW: f32 = 0.3;

/// The colour of the lines of equal height.
const CONTOUR: &str = "#b9c0cb";

/// The height of the valley.
fn loss(p: [f32; 2]) -> f64 {
    f64::from(p[0]).powi(2) + 100.0 * f64::from(p[1]).powi(2)
}

/// Its slopes.
fn slopes(p: [f32; 2]) -> [f32; 2] {
    [2.0 * p[0], 200.0 * p[1]]
}

/// The path of gradient descent: `p -= lr * g`.
fn descent() -> Vec<[f32; 2]> {
    let mut path = vec![START];
    let mut p = START;
    for _ in 0..N_STEPS {
        let g = slopes(p);
        p = [p[0] - LR_DESCENT * g[0], p[1] - LR_DESCENT * g[1]];
        path.push(p);
    }
    path
}

/// The path of AdamW, as it trains a model: one whose `wte` is two numbers, `x` and `y`.
fn adamw() -> Result<Vec<[f32; 2]>> {
    let mut model = Gpt2::zeros(&Config::new(2, 1, 1, 1, 1))?;
    model.wte.tensor_mut()?.data_mut().copy_from_slice(&START);
    let (mut grad, mut adamw) = (model.zeros_like(), AdamW::new(&model, 0.9, 0.95, 0.0));
    let mut path = vec![START];
    let mut p = START;
    for _ in 0..N_STEPS {
        grad.wte.tensor_mut()?.data_mut().copy_from_slice(&slopes(p));
        adamw.update(&mut model, &grad, LR_ADAMW)?;
        let wte = model.wte.tensor()?.data();
        p = [wte[0], wte[1]];
        path.push(p);
    }
    Ok(path)
}

/// The valley from above, twice: with the steps of gradient descent, and with those of AdamW.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::valley;
///
/// assert!(valley::paths()?.contains(">AdamW, lr 0.3</text>"));
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// None: AdamW's model is a small one that exists.
pub fn paths() -> Result<String> {
    let mut svg = Svg::new(740.0, 664.0, "The valley x^2 + 100 y^2 with 100 steps of gradient descent and of AdamW");
    for (top, name, path, color, note) in [
        (
            70.0,
            format!("gradient descent, lr {LR_DESCENT}"),
            descent(),
            COLORS[0],
            "thrown from side to side, and creeping along",
        ),
        (
            390.0,
            format!("AdamW, lr {LR_ADAMW}"),
            adamw()?,
            COLORS[1],
            "the first steps are as long in x as in y, whatever the slopes",
        ),
    ] {
        svg.heading((64.0, top - 36.0), Align::Left, &name);
        svg.note((64.0, top - 16.0), Align::Left, note);
        svg.note((716.0, top - 16.0), Align::Right, "a dot for each step, larger for every tenth");
        let (x, y) = (Scale::linear(-3.0, 11.0), Scale::linear(-1.2, 1.2));
        let chart = Chart { at: (64.0, top), size: (652.0, 204.0), x, y };
        chart.axes(&mut svg, &ticks(-3.0, 11.0, 15), &ticks(-1.2, 1.2, 5), "x", "y");
        for height in [2.0, 20.0, 60.0, 120.0, 200.0] {
            contour(&mut svg, &chart, height);
        }
        let points: Vec<Point> = path.iter().map(|p| (f64::from(p[0]), f64::from(p[1]))).collect();
        chart.curve(&mut svg, &points, color, 1.4);
        for (step, &(x, y)) in points.iter().enumerate() {
            let at = chart.point(x, y);
            svg.dot(at, if step % 10 == 0 { 4.0 } else { 2.2 }, color);
        }
        let (x, y) = chart.point(0.0, 0.0);
        svg.line(&[(x - 5.0, y - 5.0), (x + 5.0, y + 5.0)], INK, 2.0);
        svg.line(&[(x - 5.0, y + 5.0), (x + 5.0, y - 5.0)], INK, 2.0);
        let start = chart.point(f64::from(START[0]), f64::from(START[1]));
        svg.note((start.0 + 8.0, start.1 - 4.0), Align::Left, "start");
        let losses: Vec<String> = [0, 10, 20, 30, 100].iter().map(|&n| format!("{n}: {:.2}", loss(path[n]))).collect();
        svg.note((716.0, top - 36.0), Align::Right, &format!("loss after step {}", losses.join(", ")));
    }
    Ok(svg.finish())
}

/// All points of one height: an ellipse, ten times as long as wide. What lies outside the chart is left out.
fn contour(svg: &mut Svg, chart: &Chart, height: f64) {
    let long = height.sqrt();
    let mut piece: Vec<Point> = Vec::new();
    for part in 0..=72 {
        let turn = f64::from(5 * part).to_radians();
        let (x, y) = (long * turn.cos(), long / 10.0 * turn.sin());
        if (-3.0..=11.0).contains(&x) && y.abs() <= 1.2 {
            piece.push(chart.point(x, y));
        } else if !piece.is_empty() {
            svg.line(&std::mem::take(&mut piece), CONTOUR, 1.0);
        }
    }
    if !piece.is_empty() {
        svg.line(&piece, CONTOUR, 1.0);
    }
    // How high it is, where it crosses the y axis, if there is room.
    if (0.4..1.15).contains(&(long / 10.0)) {
        let (x, y) = chart.point(0.0, long / 10.0);
        svg.rect((x - 13.0, y - 8.0), (26.0, 16.0), PANEL);
        svg.note((x, y + 4.0), Align::Middle, &height.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_descent_turns_y_round_at_each_step_and_hardly_moves_x() {
        // y is multiplied by 1 - 0.009 * 200 = -0.8 at each step, and x by 1 - 0.009 * 2 = 0.982.
        for (n, p) in descent().iter().enumerate() {
            let (x, y) = (10.0 * 0.982f64.powi(n as i32), (-0.8f64).powi(n as i32));
            assert!((f64::from(p[0]) - x).abs() < 1e-4 && (f64::from(p[1]) - y).abs() < 1e-5, "step {n}");
        }
        // After 10 steps 100 * 0.982^20 + 100 * 0.8^20 = 69.54 + 1.15; after 100, 100 * 0.982^200 = 2.64.
        let svg = paths().unwrap();
        assert!(svg.contains("0: 200.00, 10: 70.69, 20: 48.37, 30: 33.63, 100: 2.64<"), "{svg}");
    }

    #[test]
    fn adamw_makes_full_steps_while_the_slopes_keep_their_signs() {
        let path = adamw().unwrap();
        // The first step is lr in both, whatever the slopes: 20 and 200. The second is nearly so.
        assert!((path[1][0] - 9.7).abs() < 1e-4 && (path[1][1] - 0.7).abs() < 1e-4, "{:?}", path[1]);
        assert!((path[2][0] - 9.4).abs() < 0.01, "{:?}", path[2]);
        assert!(loss(path[100]) < 0.1 && path.len() == 101);
        let (first, second) = (loss(path[10]), loss(path[100]));
        assert!(
            paths().unwrap().contains(&format!("10: {first:.2},"))
                && paths().unwrap().contains(&format!("100: {second:.2}<"))
        );
    }
}
