#include "actors/storage.hpp"

#include "actors/end_on_error.hpp"
#include "keyspace/commit_groups.hpp"
#include "keyspace/fifo.hpp"
#include "keyspace/numbering.hpp"
#include "storage/disk/folder_watch.hpp"
#include "storage/disk/members_file.hpp"
#include "storage/disk/rebuild.hpp"
#include "storage/disk/room.hpp"
#include "storage/kept_since.hpp"
#include "storage/lost_keys.hpp"
#include "system/log.hpp"
#include "system/random.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace starling::actors {

namespace {

// How often the data folder is looked for at least.
constexpr std::chrono::milliseconds folder_watch_interval{2000};

class storage_impl : public storage_actor::base {
public:
  storage_impl(caf::actor_config& cfg, storage_context context)
      : storage_actor::base(cfg), context_(std::move(context)), folder_watch_(context_.folder),
        groups_(context_.changes, context_.level == durability::sync), numbering_(ids_of(context_)),
        commits_(counter("storage.commits", "Groups of changes that were written.")),
        syncs_(counter("storage.syncs", "Times that the disk was told to keep what was written.")),
        changes_(counter("storage.changes", "Changes of values that were written.")) {
    end_process_on_error(this);
    for (const auto what : storage::renewal_causes)
      renewals_.emplace(what, renewals_of(to_string(what)));
    if (context_.renewed)
      renewals_.at(context_.renewed->what)->inc();
    show_certainty();
  }

  const char* name() const override { return "storage"; }

  void on_exit() override {
    sync_timer_.dispose();
    wait_timer_.dispose();
    retry_timer_.dispose();
    folder_watch_timer_.dispose();
    unreadable_timer_.dispose();
    if (is_dirty_ && !failure_)
      if (const auto failed = context_.rows->sync())
        log::error("storage", "what was written last may not survive a power failure: {}",
                   failed->what);
    context_.rows = nullptr;
    told_.clear();
    // A promise refers to this actor, so what waits here would keep it alive and get no answer: and
    // with it the keys that wait for one, and the process that waits for those.
    promises_ = {};
    askers_.clear();
  }

  behavior_type make_behavior() override {
    if (context_.level == durability::batch)
      schedule_sync();
    if (context_.failure) {
      give_up(std::move(*context_.failure));
      look_later();
    }
    if (!context_.folder.empty())
      schedule_folder_watch();
    return {
        [this](commit_atom, storage::batch& changes) {
          auto promise = make_response_promise<void>();
          add_to_group(std::move(changes), false, promise);
          return promise;
        },
        [this](apply_atom, storage::batch& changes) {
          auto promise = make_response_promise<std::uint64_t>();
          add_to_group(std::move(changes), true, promise);
          return promise;
        },
        [this](note_atom, storage::batch& changes) { groups_.note(std::move(changes)); },
        [this](members_atom, const std::string& members) {
          auto promise = make_response_promise<void>();
          keep_members(members, promise);
          return promise;
        },
        [this](number_atom) {
          return ask_for_id(
              [this](auto who, auto& todo) { numbering_.ask(who, fresh_id(), todo); });
        },
        [this](confirm_atom) { report_id([this](auto& todo) { numbering_.confirmed(todo); }); },
        [this](doubt_atom) {
          report_id([this](auto& todo) { numbering_.doubted(fresh_id(), todo); });
        },
        [this](question_atom, std::string& unanswered) { unanswered_ = std::move(unanswered); },
        [this](tick_atom) { report([this](auto& todo) { groups_.gathered(todo); }); },
        [this](shards_atom, std::vector<numbering_actor>& told) { told_ = std::move(told); },
        [this](renew_atom, const crdt::replica_id& lost, const storage::renewal& reason) {
          return ask_for_id([&](auto who, auto& todo) {
            numbering_.give_up(lost, reason, fresh_id(), who, todo);
          });
        },
        [this](damaged_atom, const storage::failure& why) { could_not_read(why); },
        [this](mended_atom) { forget_what_was_lost(); },
        [this](report_atom) {
          return storage_report{.failure = failure_,
                                .damage = damage_,
                                .unreadable = unreadable_,
                                .is_mending = context_.is_mending,
                                .replica = numbering_.replica(),
                                .replica_state = how_certain(),
                                .were_rows_removed = context_.were_rows_removed,
                                .holds_writes = numbering_.holds_anybody(),
                                .unanswered = numbering_.is_certain() ? "" : unanswered_};
        },
    };
  }

private:
  caf::telemetry::int_counter* counter(caf::string_view name, caf::string_view help) {
    return home_system().metrics().counter_singleton("starling", name, help, "1", true);
  }

  caf::telemetry::int_counter* renewals_of(std::string_view reason) {
    return home_system()
        .metrics()
        .counter_family("starling", "storage.replica-renewals", {"reason"},
                        "Replica ids of this node that were given up for another one.", "1", true)
        ->get_or_add({{"reason", {reason.data(), reason.size()}}});
  }

  // -- groups --

  using change_promise =
      std::variant<caf::typed_response_promise<void>,           // of a peer's change
                   caf::typed_response_promise<std::uint64_t>>; // of one of our own

  void add_to_group(storage::batch change, bool is_own, change_promise who) {
    promises_.push(std::move(who));
    report([&](auto& todo) { groups_.add(++last_ticket_, std::move(change), is_own, todo); });
  }

  /// Reports something to the core, and carries out what it wants done.
  template <class Report>
  void report(Report report_to) {
    keyspace::commit_effects todo;
    report_to(todo);
    for (auto& effect : todo)
      std::visit([this](auto& e) { carry_out(e); }, effect);
  }

  /// All that is in the mailbox now stands before this message.
  void carry_out(const keyspace::gather&) { anon_send(storage_actor{this}, tick_atom_v); }

  void carry_out(const keyspace::wait& e) {
    wait_timer_.dispose();
    wait_timer_ = run_delayed(e.length, [this, number = e.number] {
      report([&](auto& todo) { groups_.waited(number, todo); });
    });
  }

  void carry_out(const keyspace::write_group& e) {
    wait_timer_.dispose();
    const auto begin = clock().now();
    if (auto why = context_.rows->commit(e.batches, e.synced))
      return could_not_write(std::move(*why));
    if (auto missing = missing_folder())
      return could_not_write({storage::trouble::broken, std::move(*missing), true});
    commits_->inc();
    changes_->inc(static_cast<std::int64_t>(e.changes.size()));
    if (e.synced)
      syncs_->inc();
    else
      is_dirty_ = true;
    report([&](auto& todo) { groups_.written(clock().now() - begin, todo); });
  }

  void could_not_write(storage::failure why) {
    const auto told = to_keyspace(why);
    const bool may_be_there = why.may_be_done;
    say_failure(std::move(why));
    report([&](auto& todo) { groups_.failed(told, may_be_there, todo); });
    end_numbering();
  }

  /// Answers come in the order of the changes.
  void carry_out(const keyspace::answer_changes& e) {
    struct {
      const keyspace::answer_changes& e;
      void operator()(caf::typed_response_promise<void>& p) const {
        e.why ? p.deliver(to_error(*e.why)) : p.deliver();
      }
      void operator()(caf::typed_response_promise<std::uint64_t>& p) const {
        e.why ? p.deliver(to_error(*e.why)) : p.deliver(e.own_changes);
      }
    } const answer{e};
    for (auto left = e.to.size(); left > 0; --left) {
      auto who = promises_.pop();
      std::visit(answer, who);
    }
  }

  /// The file is for when the row is lost, so without it nothing is amiss yet.
  void keep_members(const std::string& members, caf::typed_response_promise<void> promise) {
    storage::batch row;
    row.put(storage::members_row(), members);
    add_to_group(std::move(row), false, std::move(promise));
    if (failure_ || context_.folder.empty())
      return;
    if (const auto why = storage::keep_members(context_.folder, members))
      log::warn("storage", "{}", why->what);
  }

  // -- the replica id --

  static keyspace::numbering::settings ids_of(const storage_context& c) {
    return {.replica = c.replica,
            .session = c.session,
            .changes = c.changes,
            .former = c.former,
            .is_certain = c.is_confirmed,
            .seen = c.seen,
            .is_careful = c.level == durability::sync};
  }

  static crdt::replica_id fresh_id() {
    return crdt::replica_id::from(system::random_bits(), system::random_bits());
  }

  /// Hands somebody's wish to the core, under a ticket that he is answered by.
  template <class Report>
  caf::result<crdt::replica_id> ask_for_id(Report report_to) {
    auto promise = make_response_promise<crdt::replica_id>();
    const auto who = ++last_asker_;
    askers_.emplace(who, promise);
    report_id([&](auto& todo) { report_to(who, todo); });
    return promise;
  }

  template <class Report>
  void report_id(Report report_to) {
    keyspace::numbering_effects todo;
    report_to(todo);
    for (auto& effect : todo)
      std::visit([this](auto& e) { carry_out(e); }, effect);
    show_certainty();
  }

  void carry_out(keyspace::keep_id& e) {
    if (auto failed = context_.rows->commit({e.change}, true))
      return fail(std::move(*failed));
    report_id([this](auto& todo) { numbering_.kept(todo); });
  }

  void carry_out(const keyspace::number_under& e) {
    log::warn("storage", "this node numbers its events under a new replica id, {}: {}",
              to_string(e.id), e.why.why);
    renewals_.at(e.why.what)->inc();
    for (const auto& one : told_)
      anon_send(one, renew_atom_v, e.id, e.why);
  }

  void carry_out(const keyspace::answer_id& e) {
    auto promise = askers_.extract(e.to).mapped();
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      promise.deliver(actors::to_error(*why));
    else
      promise.deliver(std::get<crdt::replica_id>(e.what));
  }

  certainty how_certain() const {
    if (numbering_.is_certain())
      return certainty::certain;
    return numbering_.is_doubtful() ? certainty::doubtful : certainty::asked;
  }

  void show_certainty() { uncertain_->value(numbering_.is_certain() ? 0 : 1); }

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
    say_failure(why);
    give_up(std::move(why));
  }

  void say_failure(const storage::failure& why) {
    log::error("storage", "nothing is written any more until this node is started again: {}",
               why.what);
    failure_ = why;
    if (why.kind == storage::trouble::corrupted)
      found_damage(why.what);
    look_later();
  }

  void give_up(storage::failure why) {
    report([&](auto& todo) { groups_.give_up(to_keyspace(why), todo); });
    failure_ = std::move(why);
    end_numbering();
  }

  void end_numbering() {
    report_id([this](auto& todo) { numbering_.failed(to_keyspace(*failure_), todo); });
  }

  static keyspace::failure to_keyspace(const storage::failure& why) {
    return to_failure(to_error(why));
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

  /// Why the folder is not there, if it is not.
  std::optional<std::string> missing_folder() {
    return context_.folder.empty() ? std::nullopt : folder_watch_.missing();
  }

  void schedule_folder_watch() {
    folder_watch_timer_ =
        run_delayed(std::min(folder_watch_interval, context_.retry_interval), [this] {
          if (auto missing = failure_ ? std::nullopt : missing_folder())
            fail({storage::trouble::broken, std::move(*missing)});
          schedule_folder_watch();
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
    if (folder_watch_.missing())
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
  storage::folder_watch folder_watch_;
  keyspace::commit_groups groups_;
  keyspace::fifo<change_promise> promises_; // of the changes that are not answered yet
  keyspace::commit_ticket last_ticket_ = 0;
  caf::disposable wait_timer_;
  keyspace::numbering numbering_;
  std::map<keyspace::id_ticket, caf::typed_response_promise<crdt::replica_id>> askers_;
  keyspace::id_ticket last_asker_ = 0;
  std::string unanswered_; // who could tell whether the id counts
  std::optional<storage::failure> failure_;
  std::optional<std::string> damage_;
  std::optional<std::string> unreadable_; // lately
  bool is_looking_ = false;               // whether the node may start again
  std::vector<numbering_actor> told_;
  bool is_dirty_ = false; // something is written and not synced
  caf::disposable sync_timer_;
  caf::disposable retry_timer_;
  caf::disposable folder_watch_timer_;
  caf::disposable unreadable_timer_;
  caf::telemetry::int_counter* commits_;
  caf::telemetry::int_counter* syncs_;
  caf::telemetry::int_counter* changes_;
  std::map<storage::renewal::cause, caf::telemetry::int_counter*> renewals_;
  caf::telemetry::int_gauge* uncertain_ = home_system().metrics().gauge_singleton(
      "starling", "storage.replica-uncertain",
      "1 while this node does not know whether others have later events of it than its disk.");
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
