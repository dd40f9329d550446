#pragma once

// A disk below actors under test: rows in memory, a storage actor and a reader that share the
// test's scheduler, and a storage actor that the test answers for.

#include "actors/reader.hpp"
#include "actors/storage.hpp"
#include "fixture.hpp"
#include "storage/memory_store.hpp"
#include "wire/result.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace starling::actors {

/// Rows that count what is done to them.
class counting_store : public storage::memory_store {
public:
  wire::possible<storage::failure> commit(const std::vector<storage::batch>& batches,
                                          bool synced) override {
    groups.push_back(batches.size());
    syncs += synced ? 1 : 0;
    return memory_store::commit(batches, synced);
  }

  wire::possible<storage::failure> sync() override {
    ++syncs;
    return memory_store::sync();
  }

  std::unique_ptr<const storage::snapshot> now() const override {
    ++moments;
    return memory_store::now();
  }

  std::unique_ptr<const storage::snapshot> now_in_memory() const override {
    if (is_cold)
      return std::make_unique<cold_snapshot>();
    return memory_store::now();
  }

  std::vector<std::size_t> groups; // how many batches each commit had
  std::size_t syncs = 0;
  mutable std::size_t moments = 0; // that were read from, as from a disk
  bool is_cold = false;            // nothing can be read without that

private:
  struct cold_snapshot : storage::snapshot {
    wire::result<std::optional<std::string>, storage::failure>
    find(std::string_view) const override {
      return unread();
    }
    wire::possible<storage::failure> scan(std::string_view, std::string_view,
                                          const visitor&) const override {
      return unread();
    }
    static storage::failure unread() { return {storage::trouble::unread, "cold"}; }
  };
};

/// A storage actor that commits when the test says so.
class slow_disk {
public:
  slow_disk(caf::actor_system& sys, std::shared_ptr<storage::store> rows)
      : controls_(sys.spawn([s = state_, rows](controlled_actor::pointer self) {
          return behave(self, s, rows);
        })) {}

  storage_actor handle() const { return controls_; }
  std::size_t waiting() const { return state_->waiting.size(); }

  // Commits what waits longest, or not, and answers. Settle afterwards.
  void commit_one() { caf::anon_send(controls_, flush_atom_v); }
  void fail_one() { caf::anon_send(controls_, lost_atom_v); }

  /// Ids that events were lost of.
  const std::vector<crdt::replica_id>& lost() const { return state_->lost; }

private:
  using controlled_actor =
      storage_actor::extend<caf::result<void>(flush_atom), caf::result<void>(lost_atom)>;
  using commit = std::pair<storage::batch, std::function<void(const caf::error& why)>>;

  struct state {
    commit take() {
      auto first = std::move(waiting.front());
      waiting.erase(waiting.begin());
      return first;
    }

    std::vector<commit> waiting;
    std::vector<crdt::replica_id> lost;
    std::uint64_t changes = 0;
  };

  static controlled_actor::behavior_type behave(controlled_actor::pointer self,
                                                const std::shared_ptr<state>& s,
                                                const std::shared_ptr<storage::store>& rows) {
    return {
        [self, s](commit_atom, const storage::batch& changes) -> caf::result<void> {
          auto promise = self->make_response_promise<void>();
          s->waiting.emplace_back(changes, [promise](const caf::error& why) mutable {
            why ? promise.deliver(why) : promise.deliver();
          });
          return promise;
        },
        [self, s](apply_atom, const storage::batch& changes) -> caf::result<std::uint64_t> {
          auto promise = self->make_response_promise<std::uint64_t>();
          s->waiting.emplace_back(changes,
                                  [promise, made = ++s->changes](const caf::error& why) mutable {
                                    why ? promise.deliver(why) : promise.deliver(made);
                                  });
          return promise;
        },
        [](note_atom, const storage::batch&) {},
        [](members_atom, const std::string&) {},
        [](number_atom) { return crdt::replica_id{}; },
        [](confirm_atom) {},
        [](doubt_atom) {},
        [](question_atom, const std::string&) {},
        [](tick_atom) {},
        [](shards_atom, const std::vector<numbering_actor>&) {},
        [s](renew_atom, const crdt::replica_id& lost, const storage::renewal&) {
          s->lost.push_back(lost);
          return crdt::replica_id::from(99, 99);
        },
        [](damaged_atom, const storage::failure&) {},
        [](mended_atom) {},
        [](report_atom) { return storage_report{}; },
        [s, rows](flush_atom) {
          const auto [changes, then] = s->take();
          EXPECT_FALSE(rows->commit({changes}, true));
          then(caf::error{});
        },
        [s](lost_atom) { s->take().second(caf::make_error(errc::disk_full, "no room")); },
    };
  }

  std::shared_ptr<state> state_ = std::make_shared<state>();
  controlled_actor controls_;
};

/// A storage actor that is told of damage.
class told_disk {
public:
  explicit told_disk(caf::actor_system& sys)
      : handle_(sys.spawn([said = said_](storage_actor::pointer) -> storage_actor::behavior_type {
          return {
              [](commit_atom, const storage::batch&) {},
              [](apply_atom, const storage::batch&) { return std::uint64_t{1}; },
              [](note_atom, const storage::batch&) {},
              [](members_atom, const std::string&) {},
              [](number_atom) { return crdt::replica_id{}; },
              [](confirm_atom) {},
              [](doubt_atom) {},
              [](question_atom, const std::string&) {},
              [](tick_atom) {},
              [](shards_atom, const std::vector<numbering_actor>&) {},
              [](renew_atom, const crdt::replica_id& id, const storage::renewal&) { return id; },
              [said](damaged_atom, const storage::failure& what) { said->push_back(what); },
              [](mended_atom) {},
              [](report_atom) { return storage_report{}; }};
        })) {}

  const storage_actor& handle() const { return handle_; }
  const std::vector<storage::failure>& said() const { return *said_; }

private:
  std::shared_ptr<std::vector<storage::failure>> said_ =
      std::make_shared<std::vector<storage::failure>>();
  storage_actor handle_;
};

inline const replication::digester test_digests{{}};

/// A reader of those rows.
inline reader_actor make_reader(caf::actor_system& sys, std::shared_ptr<const storage::store> rows,
                                std::uint64_t whole_bytes = 1 << 20) {
  return spawn_reader(sys, {.rows = std::move(rows),
                            .whole_bytes = whole_bytes,
                            .digests = test_digests,
                            .has_own_thread = false});
}

/// A reader that reads when the test says so.
class slow_reader {
public:
  slow_reader(caf::actor_system& sys, reader_actor real)
      : controls_(sys.spawn([s = state_, real](controlled_actor::pointer self) {
          return behave(self, s, real);
        })) {}

  reader_actor handle() const { return controls_; }
  std::size_t waiting() const { return state_->size(); }

  // Reads what waits longest, or fails to. Settle afterwards.
  void read_one() { caf::anon_send(controls_, flush_atom_v); }
  void fail_one() { caf::anon_send(controls_, lost_atom_v); }

private:
  using controlled_actor =
      reader_actor::extend<caf::result<void>(flush_atom), caf::result<void>(lost_atom)>;
  using waiting_reads = std::deque<std::function<void(bool fails)>>;

  template <class T, class... Ts>
  static caf::result<T> hold(controlled_actor::pointer self, waiting_reads& waiting,
                             const reader_actor& real, Ts... message) {
    auto promise = self->make_response_promise<T>();
    waiting.push_back([promise, real, ... xs = std::move(message)](bool fails) mutable {
      if (fails)
        promise.deliver(caf::make_error(errc::unreadable, "unreadable"));
      else
        promise.delegate(real, std::move(xs)...);
    });
    return promise;
  }

  static void go_on(waiting_reads& waiting, bool fails) {
    const auto first = std::move(waiting.front());
    waiting.pop_front();
    first(fails);
  }

  static controlled_actor::behavior_type behave(controlled_actor::pointer self,
                                                const std::shared_ptr<waiting_reads>& s,
                                                const reader_actor& real) {
    return {
        [=](load_atom, const crdt::key& key) {
          return hold<kept_value>(self, *s, real, load_atom_v, key);
        },
        [=](load_atom, const crdt::key& key, const storage::wanted_rows& wanted) {
          return hold<storage::some_rows>(self, *s, real, load_atom_v, key, wanted);
        },
        [=](read_atom, const crdt::key& key, const crdt::query& q) {
          return hold<crdt::view>(self, *s, real, read_atom_v, key, q);
        },
        [=](state_atom, const crdt::key& key) {
          return hold<std::string>(self, *s, real, state_atom_v, key);
        },
        [=](keys_atom, const crdt::key_query& q) {
          return hold<std::vector<crdt::key>>(self, *s, real, keys_atom_v, q);
        },
        [=](digests_atom, const std::optional<crdt::key>& after) {
          return hold<storage::digests_page>(self, *s, real, digests_atom_v, after);
        },
        [s](flush_atom) { go_on(*s, false); },
        [s](lost_atom) { go_on(*s, true); },
    };
  }

  std::shared_ptr<waiting_reads> state_ = std::make_shared<waiting_reads>();
  controlled_actor controls_;
};

} // namespace starling::actors
