//! Puts the page into the document.

fn main() {
    soundstage_web::start();
}
