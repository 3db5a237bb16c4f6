//! Workers that share out the work, each with a moto of its own.
//!
//! Decides which worker does what: whoever is free takes the next. Must not know what the work is.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use neap_http_tests::{Disturbed, Emulator, Server, Stack, World};

/// As many workers as there are servers.
pub(crate) struct Crew {
    servers: Vec<Server>,
}

/// Where one worker works: a server, and a folder for each stack.
pub(crate) struct Site {
    server: Server,
    worlds: RefCell<BTreeMap<Stack, Rc<Disturbed>>>,
}

impl Crew {
    pub(crate) fn hire() -> Self {
        let take = |_| Server::take(Emulator::Moto);
        Self { servers: (0..Server::count(Emulator::Moto)).map(take).collect() }
    }

    /// Does `work` for each of `items`, and returns the results in the order of the items.
    pub(crate) fn each<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(&Site, T) -> R + Sync,
    ) -> Vec<R> {
        let queue = Mutex::new(VecDeque::from_iter(items.into_iter().enumerate()));
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let (next, work) = (&next, &work);
        let labour = |server: &Server| {
            let site = Site { server: server.clone(), worlds: RefCell::default() };
            let mut done = Vec::new();
            while let Some((number, item)) = next() {
                done.push((number, work(&site, item)));
            }
            done
        };
        let labour = &labour;
        let mut done: Vec<(usize, R)> = thread::scope(|scope| {
            let workers: Vec<_> =
                self.servers.iter().map(|server| scope.spawn(move || labour(server))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("a worker failed")).collect()
        });
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

impl Site {
    /// The world for `stack`, with nothing in it but what the stack expects to be there.
    pub(crate) fn world(&self, stack: Stack) -> Rc<Disturbed> {
        let made = self.worlds.borrow().get(&stack).cloned();
        let disturbed = made.unwrap_or_else(|| {
            let world = World::on(self.server.clone(), stack.path());
            stack.adapt(&world);
            let disturbed = Rc::new(Disturbed::new(world));
            self.worlds.borrow_mut().insert(stack, Rc::clone(&disturbed));
            disturbed
        });
        disturbed.world.empty();
        stack.provide(&disturbed.world);
        disturbed
    }
}
