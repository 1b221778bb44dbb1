//! Drawing: rectangles, lines and words, written as SVG.
//!
//! An SVG file is a text that says what to draw: `<rect x="10" y="20" .../>`. Every browser shows it, at any size, and
//! the file is small. So no drawing program is needed, and no pixel is ever computed here: a drawing is a `String` that
//! grows.
//!
//! ```text
//! (0, 0) --------> x        The origin is the upper left corner, y points DOWN, and one unit is one pixel of a
//!    |                      picture that is shown at its natural size. A point is a pair (x, y).
//!    v  y
//! ```
//!
//! Two rules hold for everything in this file.
//!
//! * **The same drawing is the same bytes.** A position is written with one decimal, and a shade is one of eleven. If
//!   two processors differ a little, in the seventh digit, the drawing looks the same and *is* the same. Only a number
//!   that happens to lie on the very edge between two shades could tell them apart.
//! * **It can be read on a light page and on a dark one.** A picture does not know what page it is on, so it brings a
//!   light panel of its own to draw on.
//!
//! Source: W3C, "Scalable Vector Graphics (SVG) 1.1" (2011). A production program would use the `plotters` crate.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

/// A place in the drawing, or the width and height of something.
pub type Point = (f64, f64);

/// The colour of words and outlines.
pub const INK: &str = "#1f2328";
/// The colour of what should stay in the background: axes, notes.
pub const FAINT: &str = "#667085";
/// A blue, an orange, a green, a purple and a grey that can be told apart, even by most people who do not see all
/// colours.
pub const COLORS: [&str; 5] = ["#2f6fb3", "#e08214", "#3f9c6b", "#8e5ea2", "#9aa4b2"];

/// The colour of the panel that everything is drawn on.
pub const PANEL: &str = "#fbfbf9";
/// The colour of an empty cell of a heat map, and of what a bar does not fill.
const EMPTY: (u32, u32, u32) = (0xe9, 0xee, 0xf5);
/// The colour of a cell that is half full, and of a full one.
const HALF: (u32, u32, u32) = (0x4f, 0x93, 0xcf);
const FULL: (u32, u32, u32) = (0x0b, 0x2a, 0x57);
/// Shades are tenths.
const N_SHADES: u32 = 10;

/// On which side of its point a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The text begins at the point.
    Left,
    /// The point is its middle.
    Middle,
    /// The text ends at the point.
    Right,
}

/// A drawing that grows: each method adds something on top of what is there.
///
/// # Example: a box, an arrow and a word
///
/// ```
/// use gpt60::lens::svg::{Align, Svg};
///
/// let mut svg = Svg::new(200.0, 80.0, "A box with something that goes in");
/// svg.boxed((100.0, 20.0), (80.0, 40.0), "#ffffff", "softmax");
/// svg.arrow(&[(20.0, 40.0), (100.0, 40.0)]);
/// svg.text((15.0, 45.0), Align::Right, "x");
/// let text = svg.finish();
/// assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
/// ```
#[derive(Debug, Clone)]
pub struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

impl Svg {
    /// An empty drawing, `width` by `height` pixels. The title is what programs read aloud to people who cannot see it.
    pub fn new(width: f64, height: f64, title: &str) -> Svg {
        Svg { width, height, title: title.to_string(), body: String::new() }
    }

    /// The drawing as the text of a file.
    pub fn finish(self) -> String {
        let Svg { width, height, title, body } = self;
        let (w, h) = (number(width), number(height));
        // It brings no font: the reader's machine uses the first of these that it has.
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\">\n\
             <title>{}</title>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{PANEL}\" stroke=\"#d5d9e0\"/>\n\
             {body}</svg>\n",
            escape(&title),
            number(width - 1.0),
            number(height - 1.0),
        )
    }

    /// A filled rectangle; `at` is its upper left corner.
    ///
    /// # Example
    ///
    /// ```
    /// use gpt60::lens::svg::Svg;
    ///
    /// let mut svg = Svg::new(100.0, 100.0, "A square");
    /// svg.rect((10.0, 10.0), (80.0, 80.0), "#2f6fb3");
    /// assert!(svg.finish().contains("<rect x=\"10\" y=\"10\" width=\"80\" height=\"80\" fill=\"#2f6fb3\"/>"));
    /// ```
    pub fn rect(&mut self, at: Point, size: Point, fill: &str) {
        let [x, y, w, h] = [at.0, at.1, size.0.max(0.0), size.1.max(0.0)].map(number);
        self.body += &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\"/>\n");
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, at: Point, size: Point, color: &str, thickness: f64) {
        let [x, y, w, h] = [at.0, at.1, size.0.max(0.0), size.1.max(0.0)].map(number);
        self.body += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{}\"/>\n",
            number(thickness)
        );
    }

    /// A box with round corners and a text in its middle.
    pub fn boxed(&mut self, at: Point, size: Point, fill: &str, text: &str) {
        let [x, y, w, h] = [at.0, at.1, size.0.max(0.0), size.1.max(0.0)].map(number);
        self.body += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"6\" fill=\"{fill}\" stroke=\"{INK}\" \
             stroke-width=\"1.2\"/>\n"
        );
        // Letters stand on their line: the middle of a line of letters is a third of their size above it.
        self.text((at.0 + size.0 / 2.0, at.1 + size.1 / 2.0 + 5.0), Align::Middle, text);
    }

    /// A filled circle.
    pub fn dot(&mut self, at: Point, radius: f64, color: &str) {
        let [x, y, r] = [at.0, at.1, radius].map(number);
        self.body += &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"{color}\"/>\n");
    }

    /// A text of the usual size. `at` is on the line that its letters stand on.
    pub fn text(&mut self, at: Point, align: Align, text: &str) {
        self.styled_text(at, align, text, &format!("fill=\"{INK}\""));
    }

    /// A text in the background: smaller, and grey.
    pub fn note(&mut self, at: Point, align: Align, text: &str) {
        self.styled_text(at, align, text, &format!("fill=\"{FAINT}\" font-size=\"12\""));
    }

    /// A heading: bold.
    pub fn heading(&mut self, at: Point, align: Align, text: &str) {
        self.styled_text(at, align, text, &format!("fill=\"{INK}\" font-weight=\"bold\""));
    }

    /// A text in a colour and size of its own.
    pub fn colored_text(&mut self, at: Point, align: Align, text: &str, color: &str, size: f64) {
        self.styled_text(at, align, text, &format!("fill=\"{color}\" font-size=\"{}\"", number(size)));
    }

    /// A note that runs upwards, for the side of a chart: `at` is its middle.
    pub fn upward_note(&mut self, at: Point, text: &str) {
        let turn = format!("transform=\"rotate(-90 {} {})\"", number(at.0), number(at.1));
        self.styled_text(at, Align::Middle, text, &format!("fill=\"{FAINT}\" font-size=\"12\" {turn}"));
    }

    fn styled_text(&mut self, at: Point, align: Align, text: &str, style: &str) {
        let anchor = match align {
            Align::Left => "",
            Align::Middle => " text-anchor=\"middle\"",
            Align::Right => " text-anchor=\"end\"",
        };
        let (x, y) = (number(at.0), number(at.1));
        self.body += &format!("<text x=\"{x}\" y=\"{y}\"{anchor} {style}>{}</text>\n", escape(text));
    }

    /// A line through the points.
    ///
    /// # Example
    ///
    /// ```
    /// use gpt60::lens::svg::{INK, Svg};
    ///
    /// let mut svg = Svg::new(100.0, 100.0, "A corner");
    /// svg.line(&[(10.0, 10.0), (90.0, 10.04), (90.0, 90.0)], INK, 1.0);
    /// assert!(svg.finish().contains("points=\"10,10 90,10 90,90\"")); // one decimal, and none if it is 0
    /// ```
    pub fn line(&mut self, points: &[Point], color: &str, thickness: f64) {
        self.styled_line(points, color, thickness, "");
    }

    /// A dashed line through the points.
    pub fn dashed_line(&mut self, points: &[Point], color: &str, thickness: f64) {
        self.styled_line(points, color, thickness, " stroke-dasharray=\"5 4\"");
    }

    fn styled_line(&mut self, points: &[Point], color: &str, thickness: f64, style: &str) {
        self.body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{style}/>\n",
            list(points),
            number(thickness)
        );
    }

    /// An area with these corners.
    pub fn area(&mut self, corners: &[Point], fill: &str) {
        self.body += &format!("<polygon points=\"{}\" fill=\"{fill}\"/>\n", list(corners));
    }

    /// A line through the points that ends in the head of an arrow.
    ///
    /// With fewer than two points, nothing is drawn: there is no direction to point in.
    pub fn arrow(&mut self, points: &[Point]) {
        self.colored_arrow(points, INK, 1.4);
    }

    /// An arrow in a colour and thickness of its own. The head grows with the thickness.
    ///
    /// # Example
    ///
    /// ```
    /// use gpt60::lens::svg::{COLORS, Svg};
    ///
    /// let mut svg = Svg::new(50.0, 20.0, "A thick arrow");
    /// svg.colored_arrow(&[(5.0, 10.0), (45.0, 10.0)], COLORS[0], 3.4);
    /// assert!(svg.finish().contains("points=\"45,10 33,16 33,4\"")); // its head: the tip, and two corners
    /// ```
    pub fn colored_arrow(&mut self, points: &[Point], color: &str, thickness: f64) {
        let [.., from, tip] = points else { return };
        let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-9);
        let (dx, dy) = (dx / length, dy / length); // its direction, of length 1; (-dy, dx) is at right angles to it
        let (long, wide) = (5.2 + 2.0 * thickness, 2.6 + thickness);
        let foot = (tip.0 - long * dx, tip.1 - long * dy);
        let mut shaft = points.to_vec();
        *shaft.last_mut().expect("there are two") = foot; // a thick line would stick out beside the tip
        self.line(&shaft, color, thickness);
        let corners = [*tip, (foot.0 - wide * dy, foot.1 + wide * dx), (foot.0 + wide * dy, foot.1 - wide * dx)];
        self.area(&corners, color);
    }

    /// A heat map: a square cell for each number of each row, from light (0) to dark (1). `at` is the upper left corner
    /// and `cell` the side of a cell.
    ///
    /// # Example: where three tokens look
    ///
    /// ```
    /// use gpt60::lens::svg::Svg;
    ///
    /// let mut svg = Svg::new(80.0, 80.0, "Attention of three tokens");
    /// svg.heat_map((10.0, 10.0), 20.0, &[&[1.0], &[0.3, 0.7], &[0.2, 0.2, 0.6]]);
    /// assert!(svg.finish().contains("<path fill=\"#0b2a57\" d=\"M10 10h20v20h-20\"/>")); // the 1, and it is dark
    /// ```
    pub fn heat_map(&mut self, at: Point, cell: f64, rows: &[&[f32]]) {
        // A rectangle for each cell would make large files. All cells of one shade are one path, and neighbours in a
        // row that have the same shade are one rectangle: "Move to x y; horizontally w; vertically c; and back". The
        // fourth side needs no word: what is filled is closed.
        for level in 0..=N_SHADES {
            let mut path = String::new();
            for (i, row) in rows.iter().enumerate() {
                let mut j = 0;
                while j < row.len() {
                    let n = row[j..].iter().take_while(|&&x| shade_level(x) == level).count();
                    if n > 0 {
                        let [x, y] = [at.0 + cell * j as f64, at.1 + cell * i as f64].map(number);
                        let [w, c] = [cell * n as f64, cell].map(number);
                        path += &format!("M{x} {y}h{w}v{c}h-{w}");
                    }
                    j += n.max(1);
                }
            }
            if !path.is_empty() {
                self.body += &format!("<path fill=\"{}\" d=\"{path}\"/>\n", level_color(level));
            }
        }
    }

    /// A bar from left to right, made of parts: each `(length, color)`, in pixels. `at` is the upper left corner.
    /// Returns where each part begins, for a label.
    ///
    /// # Example: three quarters and a quarter
    ///
    /// ```
    /// use gpt60::lens::svg::{COLORS, Svg};
    ///
    /// let mut svg = Svg::new(120.0, 40.0, "Three quarters");
    /// let starts = svg.bar((10.0, 10.0), 20.0, &[(75.0, COLORS[0]), (25.0, COLORS[4])]);
    /// assert_eq!(starts, [10.0, 85.0]);
    /// ```
    pub fn bar(&mut self, at: Point, thickness: f64, parts: &[(f64, &str)]) -> Vec<f64> {
        let mut x = at.0;
        let mut starts = Vec::new();
        for &(length, color) in parts {
            starts.push(x);
            self.rect((x, at.1), (length, thickness), color);
            x += length;
        }
        starts
    }
}

/// The colour of a number from 0 (light) to 1 (dark), in steps of a tenth. A number outside this range counts as the
/// nearer end, NaN as 0.
///
/// # Example
///
/// ```
/// use gpt60::lens::svg::shade;
///
/// assert_eq!(shade(0.3000001), shade(0.2999999)); // as two processors may compute it
/// assert_ne!(shade(0.3), shade(0.4));
/// ```
pub fn shade(x: f32) -> String {
    level_color(shade_level(x))
}

/// Which of the shades a number has: everything from 0.05 up to 0.15 is shade 1.
fn shade_level(x: f32) -> u32 {
    (x.clamp(0.0, 1.0) * N_SHADES as f32).round() as u32 // (NaN becomes 0)
}

/// The colour of a shade, computed in whole numbers, so rounding cannot matter.
fn level_color(level: u32) -> String {
    let half = N_SHADES / 2;
    let (from, to, step) = if level <= half { (EMPTY, HALF, level) } else { (HALF, FULL, level - half) };
    let mix = |a: u32, b: u32| (a * (half - step) + b * step) / half;
    format!("#{:02x}{:02x}{:02x}", mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Whether words on a cell of this shade should be light.
pub fn is_dark(x: f32) -> bool {
    shade_level(x) >= 5
}

/// A number with one decimal, which is left out if it is 0. NaN and the infinities are written as 0: a drawing with
/// `NaN` in it would not be shown at all.
fn number(x: f64) -> String {
    let tenths = if x.is_finite() { (x * 10.0).round() } else { 0.0 };
    let text = format!("{:.1}", (tenths + 0.0) / 10.0); // -0 + 0 is 0
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// `x,y x,y ...`
fn list(points: &[Point]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

/// The text, written so that nothing in it can be taken for SVG.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            c if c.is_control() => escaped.push('\u{fffd}'), // SVG cannot express most of these
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_decimal_and_no_negative_zero() {
        for (x, text) in
            [(0.0, "0"), (-0.0, "0"), (-0.04, "0"), (1.0, "1"), (1.26, "1.3"), (-2.5, "-2.5"), (1e3, "1000")]
        {
            assert_eq!(number(x), text);
        }
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(number(x), "0");
        }
    }

    #[test]
    fn words_cannot_break_out_of_their_place() {
        let mut svg = Svg::new(10.0, 10.0, "a < b & \"c\"");
        svg.text((0.0, 0.0), Align::Left, "</text>\n<script>");
        let text = svg.finish();
        assert!(text.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"), "{text}");
        assert!(text.contains(">&lt;/text&gt;\u{fffd}&lt;script&gt;</text>"), "{text}");
    }

    #[test]
    fn there_are_eleven_shades_and_each_is_darker_than_the_one_before() {
        let brightness = |x: f32| {
            let digits = u32::from_str_radix(&shade(x)[1..], 16).unwrap();
            (digits >> 16) + ((digits >> 8) & 255) + (digits & 255)
        };
        for tenth in 1..=10 {
            assert!(brightness(tenth as f32 / 10.0) < brightness((tenth - 1) as f32 / 10.0));
        }
        assert_eq!((shade(0.049), shade(0.96)), (shade(0.0), shade(1.0)));
        assert_eq!((shade(-3.0), shade(7.0), shade(f32::NAN)), (shade(0.0), shade(1.0), shade(0.0)));
    }

    #[test]
    fn neighbours_of_one_shade_are_one_rectangle() {
        let mut svg = Svg::new(50.0, 50.0, "");
        svg.heat_map((0.0, 0.0), 10.0, &[&[0.0, 0.0, 1.0], &[1.0, 0.0, 1.0]]);
        let text = svg.finish();
        let path = |x: f32| format!("<path fill=\"{}\" d=", shade(x));
        assert!(text.contains(&(path(0.0) + "\"M0 0h20v10h-20M10 10h10v10h-10\"/>")), "{text}");
        assert!(text.contains(&(path(1.0) + "\"M20 0h10v10h-10M0 10h10v10h-10M20 10h10v10h-10\"/>")), "{text}");
    }

    #[test]
    fn an_arrow_ends_at_its_tip() {
        let mut svg = Svg::new(50.0, 50.0, "");
        svg.arrow(&[(0.0, 10.0), (30.0, 10.0)]);
        svg.arrow(&[(0.0, 10.0)]); // points nowhere
        let text = svg.finish();
        assert!(text.contains("points=\"0,10 22,10\"") && text.contains("points=\"30,10 22,14 22,6\""), "{text}");
        assert_eq!(text.matches("<polygon").count(), 1);
    }
}
