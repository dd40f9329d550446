#include "actors/storage.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/random.hpp"
#include "storage/presence.hpp"
#include "storage/rebuild.hpp"
#include "storage/room.hpp"
#include "storage/tally_rows.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

namespace starling::actors {

namespace {

// After a commit that took so long, those it answered are waited for, for a part of that time, to
// be in the next one. Where commits are faster, waiting costs more than it saves.
constexpr caf::timespan slow_commit = std::chrono::milliseconds{2};
constexpr int wait_divisor = 2;

// How often the data folder is looked for at least.
constexpr std::chrono::milliseconds presence_interval{2000};

class storage_impl : public storage_actor::base {
public:
  storage_impl(caf::actor_config& cfg, storage_context context)
      : storage_actor::base(cfg), context_(std::move(context)), presence_(context_.folder),
        commits_(counter("storage.commits", "Groups of changes that were written.")),
        syncs_(counter("storage.syncs", "Times that the disk was told to keep what was written.")),
        changes_(counter("storage.changes", "Changes of values that were written.")) {
    end_process_on_error(this);
  }

  const char* name() const override { return "storage"; }

  void on_exit() override {
    sync_timer_.dispose();
    wait_timer_.dispose();
    retry_timer_.dispose();
    presence_timer_.dispose();
    unreadable_timer_.dispose();
    if (is_dirty_ && !failure_)
      context_.rows->sync();
    context_.rows = nullptr;
    told_.clear();
    // A promise refers to this actor, so what waits here would keep it alive and get no answer: and
    // with it the keys that wait for one, and the process that waits for those.
    waiting_.clear();
    finishes_.clear();
    held_.clear();
  }

  behavior_type make_behavior() override {
    if (context_.level == durability::batch)
      schedule_sync();
    if (context_.failure) {
      failure_ = std::move(context_.failure);
      look_later();
    }
    if (!context_.folder.empty())
      schedule_presence();
    return {
        [this](commit_atom, storage::batch& changes) {
          auto promise = make_response_promise<void>();
          take(std::move(changes), [promise](const caf::error& why) mutable {
            why ? promise.deliver(why) : promise.deliver();
          });
          return promise;
        },
        [this](apply_atom, storage::batch& changes) {
          auto promise = make_response_promise<std::uint64_t>();
          ++own_waiting_;
          take(std::move(changes), [this, promise](const caf::error& why) mutable {
            why ? promise.deliver(why) : promise.deliver(context_.changes);
          });
          return promise;
        },
        [this](note_atom, const storage::batch& changes) {
          if (!failure_)
            notes_.push_back(changes);
        },
        [this](number_atom) { return may_number(); },
        [this](confirm_atom) { number_on(); },
        [this](doubt_atom) { doubt(); },
        [this](tick_atom) { end_stage(); },
        [this](shards_atom, std::vector<numbering_actor>& told) { told_ = std::move(told); },
        [this](renew_atom, const crdt::replica_id& lost, const std::string& why) {
          return renew(lost, why);
        },
        [this](damaged_atom, const storage::failure& why) { could_not_read(why); },
        [this](mended_atom) { forget_what_was_lost(); },
        [this](report_atom) {
          return storage_report{failure_, damage_, unreadable_, context_.is_mending,
                                context_.replica};
        },
    };
  }

private:
  /// What happens until the next group is committed.
  enum class stage : std::uint8_t {
    idle,        // nothing came
    gathering,   // what is in the mailbox
    catching_up, // what came during a slow commit is taken
    waiting,     // for those whom it answered
  };

  caf::telemetry::int_counter* counter(caf::string_view name, caf::string_view help) {
    return home_system().metrics().counter_singleton("starling", name, help, "1", true);
  }

  /// Told of an error, or of none.
  using finish = std::function<void(const caf::error& why)>;

  void take(storage::batch changes, finish then) {
    if (failure_)
      return then(to_error(*failure_));
    waiting_.push_back(std::move(changes));
    finishes_.push_back(std::move(then));
    if (stage_ == stage::idle || (stage_ == stage::waiting && --missing_ == 0))
      go_on_in(stage::gathering);
  }

  // -- groups --

  /// A stage that lasts until all that is in the mailbox now is taken.
  void go_on_in(stage s) {
    stage_ = s;
    anon_send(storage_actor{this}, tick_atom_v);
  }

  void end_stage() {
    if (stage_ == stage::catching_up) {
      stage_ = stage::waiting;
      wait_timer_ = run_delayed(last_took_ / wait_divisor, [this] {
        if (stage_ == stage::waiting)
          end_stage();
      });
      return;
    }
    wait_timer_.dispose();
    stage_ = stage::idle;
    if (!waiting_.empty())
      commit_group();
  }

  void commit_group() {
    const auto begin = clock().now();
    auto group = std::exchange(waiting_, {});
    const auto finishes = std::exchange(finishes_, {});
    const auto changes = group.size();
    add_count(group);
    const bool synced = context_.level == durability::sync;
    if (!failure_) // else it came while something else failed
      if (auto failed = context_.rows->commit(group, synced)) {
        fail(*failed);
        if (failed->may_be_done)
          return answer_all(finishes, caf::make_error(errc::write_unknown, failed->what));
      }
    if (failure_)
      return answer_all(finishes, to_error(*failure_));
    if (!is_present())
      return answer_all(finishes, caf::make_error(errc::write_unknown, failure_->what));
    commits_->inc();
    changes_->inc(static_cast<std::int64_t>(changes));
    if (synced)
      syncs_->inc();
    else
      is_dirty_ = true;
    last_took_ = clock().now() - begin;
    if (synced && last_took_ >= slow_commit) {
      missing_ = changes;
      go_on_in(stage::catching_up);
    }
    for (const auto& then : finishes)
      then(caf::error{});
  }

  static void answer_all(const std::vector<finish>& finishes, const caf::error& why) {
    for (const auto& then : finishes)
      then(why);
  }

  /// Adds to a group what goes along with it: notes, and how many changes of this node there are.
  void add_count(std::vector<storage::batch>& group) {
    std::ranges::move(std::exchange(notes_, {}), std::back_inserter(group));
    if (own_waiting_ == 0)
      return;
    context_.changes += std::exchange(own_waiting_, 0);
    storage::put_own_changes(group.emplace_back(), context_.changes);
  }

  // -- the replica id --

  caf::result<crdt::replica_id> may_number() {
    if (failure_)
      return to_error(*failure_);
    if (context_.is_confirmed)
      return context_.replica;
    auto promise = make_response_promise<crdt::replica_id>();
    held_.push_back(promise);
    if (is_doubtful_)
      doubt();
    return promise;
  }

  /// Events may be numbered under the present id.
  void number_on() {
    context_.is_confirmed = true;
    for (auto& promise : std::exchange(held_, {}))
      promise.deliver(context_.replica);
  }

  /// Nobody says what others know. That costs another id once it is needed.
  void doubt() {
    is_doubtful_ = true;
    if (!context_.is_confirmed && !held_.empty())
      renew(context_.replica, "no other node says what it knows of this one");
  }

  caf::result<crdt::replica_id> renew(const crdt::replica_id& lost, const std::string& reason) {
    if (lost != context_.replica)
      return context_.replica; // somebody else has noticed
    const auto fresh = crdt::replica_id::from(random_bits(), random_bits());
    const bool is_careful = context_.level == durability::sync;
    if (!failure_)
      if (auto failed = storage::keep_replica(*context_.rows, context_.seen, is_careful, fresh))
        fail(std::move(*failed));
    if (failure_)
      return to_error(*failure_);
    log::warn("storage", "this node numbers its events under a new replica id, {}: {}",
              to_string(fresh), reason);
    context_.replica = fresh;
    for (const auto& one : told_)
      anon_send(one, renew_atom_v, fresh);
    number_on();
    return fresh;
  }

  void schedule_sync() {
    sync_timer_ = run_delayed(context_.batch_interval, [this] {
      if (is_dirty_ && !failure_) {
        if (auto failed = context_.rows->sync())
          fail(std::move(*failed));
        else
          syncs_->inc();
        is_dirty_ = false;
      }
      schedule_sync();
    });
  }

  void fail(storage::failure why) {
    log::error("storage", "nothing is written any more until this node is started again: {}",
               why.what);
    failure_ = std::move(why);
    for (auto& promise : std::exchange(held_, {}))
      promise.deliver(to_error(*failure_));
    if (failure_->kind == storage::trouble::corrupted)
      found_damage(failure_->what);
    look_later();
  }

  /// What is not damaged may be readable the next time.
  void could_not_read(const storage::failure& why) {
    if (why.kind == storage::trouble::corrupted)
      return found_damage(why.what);
    if (!unreadable_)
      log::error("storage", "{}", why.what);
    unreadable_ = why.what;
    unreadable_timer_.dispose();
    unreadable_timer_ = run_delayed(context_.retry_interval, [this] { unreadable_.reset(); });
  }

  // -- the data folder --

  /// Whether the folder is there. If not, nothing is written any more.
  bool is_present() {
    if (context_.folder.empty() || failure_)
      return !failure_;
    if (auto missing = presence_.missing())
      fail({storage::trouble::broken, std::move(*missing)});
    return !failure_;
  }

  void schedule_presence() {
    presence_timer_ = run_delayed(std::min(presence_interval, context_.retry_interval), [this] {
      is_present();
      schedule_presence();
    });
  }

  // -- starting again --

  void found_damage(const std::string& why) {
    if (damage_ || context_.folder.empty())
      return;
    log::error("storage", "{}; the next start mends it", why);
    damage_ = why;
    order_rebuild();
    look_later();
  }

  bool order_rebuild() {
    const auto failed = storage::order_rebuild(context_.folder, *damage_);
    if (failed)
      log::error("storage", "{}", failed->what);
    return !failed;
  }

  void look_later() {
    if (context_.folder.empty() || is_looking_)
      return;
    is_looking_ = true;
    retry_timer_ = run_delayed(context_.retry_interval, [this] {
      is_looking_ = false;
      if (!may_start_again())
        return look_later();
      log::warn("storage", "this node starts again, to go on with its disk");
      context_.start_again();
    });
  }

  /// A folder that is another one by now is left alone, for the next start would make a new node of
  /// an empty one.
  bool may_start_again() {
    if (presence_.missing())
      return false;
    auto room = context_.room_bytes;
    if (damage_)
      room += storage::bytes_in(context_.folder);
    return storage::has_room(context_.folder, room) && (!damage_ || order_rebuild());
  }

  void forget_what_was_lost() {
    if (!std::exchange(context_.is_mending, false) || failure_)
      return;
    if (auto failed = storage::forget_lost_keys(*context_.rows))
      fail(std::move(*failed));
  }

  storage_context context_;
  storage::presence presence_;
  stage stage_ = stage::idle;
  std::size_t missing_ = 0;    // of those that a slow commit answered
  caf::timespan last_took_{0}; // to commit
  caf::disposable wait_timer_;
  std::vector<storage::batch> waiting_;
  std::vector<finish> finishes_;      // one for each
  std::vector<storage::batch> notes_; // that go along with the next group
  std::uint64_t own_waiting_ = 0;     // of those that wait, changes of this node
  std::vector<caf::typed_response_promise<crdt::replica_id>> held_; // until the id is certain
  bool is_doubtful_ = false;                                        // whether it ever will be
  std::optional<storage::failure> failure_;
  std::optional<std::string> damage_;
  std::optional<std::string> unreadable_; // lately
  bool is_looking_ = false;               // whether the node may start again
  std::vector<numbering_actor> told_;
  bool is_dirty_ = false; // something is written and not synced
  caf::disposable sync_timer_;
  caf::disposable retry_timer_;
  caf::disposable presence_timer_;
  caf::disposable unreadable_timer_;
  caf::telemetry::int_counter* commits_;
  caf::telemetry::int_counter* syncs_;
  caf::telemetry::int_counter* changes_;
};

} // namespace

durability durability_of(std::string_view name) {
  return name == "sync" ? durability::sync : name == "batch" ? durability::batch : durability::none;
}

storage_actor spawn_storage(caf::actor_system& sys, const storage_context& context) {
  return context.has_own_thread ? sys.spawn<storage_impl, caf::detached>(context)
                                : sys.spawn<storage_impl>(context);
}

caf::error to_error(const storage::failure& why) {
  return caf::make_error(why.kind == storage::trouble::full ? errc::disk_full : errc::disk_failed,
                         why.what);
}

} // namespace starling::actors
