use crate::support::*;
#[tokio::test]
async fn smoke() {
    let t = std::time::Instant::now();
    let world = World::with(500_000).await;
    eprintln!("start {:?}", t.elapsed());
    let t = std::time::Instant::now();
    audit_clean(&world.store).await;
    eprintln!("audit {:?}", t.elapsed());
    let t = std::time::Instant::now();
    drop(world);
    eprintln!("drop {:?}", t.elapsed());
}
