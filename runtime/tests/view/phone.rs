//! On a phone nothing sticks out, and everything can be hit with a finger.

use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};

use super::{PLAYS, is_in};
use crate::support::stage::Stage;

/// Two of 2020, upright and lying, and the smallest that is about.
const SCREENS: [(u32, u32); 3] = [(390, 844), (844, 390), (320, 568)];

/// What sticks out, or is smaller than a finger (44 px, WCAG 2.5.5), of what is there to be touched.
const AMISS: &str = "(() => {
    const amiss = [];
    if (document.documentElement.scrollWidth > innerWidth) amiss.push('the page scrolls sideways');
    for (const touched of document.querySelectorAll('button, select, input')) {
        if (!touched.checkVisibility()) continue;
        const { left, right, top, bottom, width, height } = touched.getBoundingClientRect();
        if (width < 44 || height < 44) amiss.push(`${touched.id || touched.type} is ${width} by ${height}`);
        if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) amiss.push(`${touched.id || touched.type} sticks out`);
    }
    return amiss.join();
})()";

/// On each of those screens, of which pictures are kept.
pub async fn fits(page: &Page, what: &str) {
    for screen in SCREENS {
        page.becomes_phone(screen).await.unwrap();
        assert_eq!(page.evaluate(AMISS).await.unwrap(), "", "{what} on {screen:?}");
        browser::photograph(page, &format!("view-{what}-{}x{}.png", screen.0, screen.1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_everything_fits_and_can_be_hit() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, &format!("{PLAYS} && /fps/.test(line.textContent)")).await;
    fits(&page, "live").await;
    page.evaluate("figures.click(); true").await.unwrap();
    fits(&page, "details").await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    is_in(&page, "not-found").await;
    fits(&page, "not-found").await;
    // As where a token is asked for.
    page.evaluate("entry.hidden = false; true").await.unwrap();
    fits(&page, "entry").await;
}
