use crate::page::Page;
#[test]
fn trial() {
    let page = Page::open(std::path::Path::new(&std::env::var("TRIAL").unwrap()), "").unwrap();
    println!("{}", page.text("body"));
    println!("{:?}", page.noise());
}
#[test]
fn trial2() {
    let page = Page::open(std::path::Path::new(&std::env::var("TRIAL").unwrap()), "").unwrap();
    let s = page.screenshot();
    println!("{:?}", s.dimensions());
    println!("{}", page.eval("[document.visibilityState, document.hasFocus()]"));
    let t = std::time::Instant::now();
    for _ in 0..100 { page.frames(); }
    println!("{:?}", t.elapsed());
}
