//! A process is killed, at each point once, and again and again.

mod acceptances;
mod sequences;
mod sweeps;
mod visits;
