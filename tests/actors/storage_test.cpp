#include "actors/storage.hpp"
#include "disk_fixture.hpp"
#include "storage/kept_since.hpp"
#include "storage/tally_rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using storage::trouble;

const auto own_id = crdt::replica_id::from(1, 2);
const storage::renewal a_reason{storage::renewal::cause::set_back, "a reason"};

storage::batch putting(std::string name) {
  storage::batch result;
  result.put(std::move(name), "x");
  return result;
}

/// Told of a new id.
class fake_shard {
public:
  explicit fake_shard(caf::actor_system& sys)
      : handle_(
            sys.spawn([told = told_](numbering_actor::pointer) -> numbering_actor::behavior_type {
              return {[told](renew_atom, const crdt::replica_id& id, const storage::renewal&) {
                told->push_back(id);
              }};
            })) {}

  const numbering_actor& handle() const { return handle_; }
  const std::vector<crdt::replica_id>& told() const { return *told_; }

private:
  std::shared_ptr<std::vector<crdt::replica_id>> told_ =
      std::make_shared<std::vector<crdt::replica_id>>();
  numbering_actor handle_;
};

class StorageActor : public actor_test {
protected:
  storage_actor spawn(durability level = durability::sync) {
    return track(spawn_storage(sys, {.rows = rows,
                                     .seen = {},
                                     .replica = own_id,
                                     .level = level,
                                     .batch_interval = 100ms,
                                     .has_own_thread = false}));
  }

  /// The error that a commit ended with; none if it is done.
  caf::error commit(const storage_actor& disk, const storage::batch& changes) {
    auto result = std::make_shared<std::optional<caf::error>>();
    sys.spawn([=](caf::event_based_actor* self) {
      self->request(disk, caf::infinite, commit_atom_v, changes)
          .then([=] { result->emplace(); }, [=](caf::error& why) { *result = std::move(why); });
    });
    settle();
    EXPECT_TRUE(*result) << "no answer";
    return result->value_or(caf::error{});
  }

  bool has(const std::string& name) const {
    return std::get<0>(rows->now()->find(name)).has_value();
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
};

TEST_F(StorageActor, CommitsWhatWaitsInOneGroupAndThenAnswersAll) {
  const auto disk = spawn();
  int answers = 0;
  sys.spawn([&](caf::event_based_actor* self) {
    for (const auto* name : {"a", "b", "c"})
      self->request(disk, caf::infinite, commit_atom_v, putting(name)).then([&] { ++answers; });
  });
  settle();

  EXPECT_EQ(answers, 3);
  EXPECT_EQ(rows->groups, std::vector<std::size_t>{3});
  EXPECT_EQ(rows->syncs, 1u);
  EXPECT_TRUE(has("a") && has("b") && has("c"));
}

TEST_F(StorageActor, AnswersOnceItIsCommitted) {
  const auto disk = spawn();
  bool is_answered = false;
  bool was_there = false;
  sys.spawn([&](caf::event_based_actor* self) {
    self->request(disk, caf::infinite, commit_atom_v, putting("a")).then([&] {
      is_answered = true;
      was_there = has("a");
    });
  });
  settle();
  EXPECT_TRUE(is_answered);
  EXPECT_TRUE(was_there);
}

TEST_F(StorageActor, LeavesNobodyWaitingWhenItEnds) {
  const auto disk = spawn();
  bool is_answered = false;
  caf::error why;
  sys.spawn([&](caf::event_based_actor* self) {
    self->request(disk, caf::infinite, commit_atom_v, putting("a"))
        .then([&] { is_answered = true; }, [&](caf::error& e) { why = std::move(e); });
    caf::anon_send_exit(disk, caf::exit_reason::user_shutdown); // before the group is complete
  });
  settle();

  EXPECT_FALSE(is_answered);
  EXPECT_TRUE(why) << "whoever waits would wait for ever";
  EXPECT_FALSE(has("a"));
}

/// A disk that takes its time, in which something may happen.
class StorageActorOnASlowDisk : public StorageActor {
protected:
  class slow_store : public counting_store {
  public:
    wire::possible<storage::failure> commit(const std::vector<storage::batch>& batches,
                                            bool synced) override {
      if (const auto happens = std::exchange(meanwhile, nullptr))
        happens();
      return counting_store::commit(batches, synced);
    }
    std::function<void()> meanwhile;
  };

  StorageActorOnASlowDisk() { rows = slow; }

  /// In the next commit, time passes and some changes arrive.
  void let_commit_take(std::chrono::microseconds time, const storage_actor& disk,
                       const std::vector<std::string>& arriving) {
    slow->meanwhile = [this, time, disk, arriving] {
      let_time_pass(time);
      for (const auto& name : arriving)
        caf::anon_send(disk, commit_atom_v, putting(name));
    };
  }

  using sizes = std::vector<std::size_t>;
  std::shared_ptr<slow_store> slow = std::make_shared<slow_store>();
};

TEST_F(StorageActorOnASlowDisk, WaitsForThoseWhoWereAnswered) {
  const auto disk = spawn();
  let_commit_take(10ms, disk, {"b", "c"});
  tell(disk, commit_atom_v, putting("a"));
  EXPECT_EQ(slow->groups, sizes{1}) << "who sent a may be back in a moment";
  tell(disk, commit_atom_v, putting("d"));
  EXPECT_EQ(slow->groups, (sizes{1, 3})) << "and is, so nobody else is waited for";
}

TEST_F(StorageActorOnASlowDisk, WaitsForHalfTheTimeOfACommit) {
  const auto disk = spawn();
  let_commit_take(10ms, disk, {"b"});
  tell(disk, commit_atom_v, putting("a"));
  advance(4ms);
  EXPECT_EQ(slow->groups, sizes{1});
  advance(1ms);
  EXPECT_EQ(slow->groups, (sizes{1, 1}));
  // Nobody comes back at all; who comes later waits for nothing.
  advance(5ms);
  tell(disk, commit_atom_v, putting("c"));
  EXPECT_EQ(slow->groups, (sizes{1, 1, 1}));
}

TEST_F(StorageActorOnASlowDisk, WaitsForNobodyWhereCommitsAreFast) {
  const auto disk = spawn();
  let_commit_take(1999us, disk, {"b"});
  tell(disk, commit_atom_v, putting("a"));
  EXPECT_EQ(slow->groups, (sizes{1, 1}));
}

TEST_F(StorageActorOnASlowDisk, WaitsForNobodyWhereNothingIsSynced) {
  const auto disk = spawn(durability::none);
  let_commit_take(10ms, disk, {"b"});
  tell(disk, commit_atom_v, putting("a"));
  EXPECT_EQ(slow->groups, (sizes{1, 1}));
}

TEST_F(StorageActorOnASlowDisk, FailsThoseThatWaitWithTheRest) {
  const auto disk = spawn();
  let_commit_take(10ms, disk, {"b"});
  tell(disk, commit_atom_v, putting("a"));
  rows->break_down({trouble::full, "no room"});
  EXPECT_EQ(commit(disk, putting("c")), errc::disk_full);
  EXPECT_FALSE(has("b"));
}

TEST_F(StorageActor, SyncsNowAndThenOnlyWhereDurabilityIsBatch) {
  const auto disk = spawn(durability::batch);
  tell(disk, commit_atom_v, putting("a"));
  tell(disk, commit_atom_v, putting("b"));
  EXPECT_EQ(rows->syncs, 0u);

  advance(100ms);
  EXPECT_EQ(rows->syncs, 1u);
  advance(1s);
  EXPECT_EQ(rows->syncs, 1u) << "there is nothing new";
  tell(disk, commit_atom_v, putting("c"));
  advance(100ms);
  EXPECT_EQ(rows->syncs, 2u);
}

TEST_F(StorageActor, NeverSyncsWhereDurabilityIsNone) {
  const auto disk = spawn(durability::none);
  tell(disk, commit_atom_v, putting("a"));
  advance(1h);
  EXPECT_EQ(rows->syncs, 0u);
}

TEST_F(StorageActor, WritesNothingAfterAFailure) {
  const auto disk = spawn();
  rows->break_down({trouble::full, "no room"});

  const auto first = commit(disk, putting("a"));
  EXPECT_EQ(first, errc::disk_full);
  EXPECT_EQ(reason_of(first), "no room");
  const auto commits = rows->groups.size();
  EXPECT_EQ(commit(disk, putting("b")), errc::disk_full);
  EXPECT_EQ(rows->groups.size(), commits) << "the disk was asked again";

  const auto report = ask<storage_report>(disk, report_atom_v);
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->what, "no room");
}

TEST_F(StorageActor, SaysWhoseChangesMayBeThereAllTheSame) {
  const auto disk = spawn();
  rows->break_down({trouble::full, "no room for a sync", true});
  std::vector<caf::error> errors;
  sys.spawn([&](caf::event_based_actor* self) {
    for (const auto* name : {"a", "b"}) // one group
      self->request(disk, caf::infinite, commit_atom_v, putting(name))
          .then([] {}, [&](caf::error& why) { errors.push_back(std::move(why)); });
  });
  settle();

  ASSERT_EQ(errors.size(), 2u);
  for (const auto& why : errors) {
    EXPECT_EQ(why, errc::write_unknown);
    EXPECT_EQ(reason_of(why), "no room for a sync");
  }
  EXPECT_EQ(commit(disk, putting("c")), errc::disk_full) << "of this one it is certain";
}

TEST_F(StorageActor, WritesNothingWhereItIsToldFromTheBeginningThatItCannot) {
  const auto disk = track(spawn_storage(sys, {.rows = rows,
                                              .seen = {},
                                              .replica = own_id,
                                              .has_own_thread = false,
                                              .failure = storage::failure{trouble::full, "full"}}));
  EXPECT_EQ(commit(disk, putting("a")), errc::disk_full);
  EXPECT_TRUE(rows->groups.empty());
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).failure->what, "full");
  EXPECT_EQ(ask_error<crdt::replica_id>(disk, renew_atom_v, own_id, a_reason), errc::disk_full);
}

TEST_F(StorageActor, TellsOtherTroubleFromAFullDisk) {
  const auto disk = spawn();
  rows->break_down({trouble::read_only, "no writes"});
  EXPECT_EQ(commit(disk, putting("a")), errc::disk_failed);
}

TEST_F(StorageActor, RenewsAReplicaIdOnceAndTellsAll) {
  const auto disk = spawn();
  fake_shard one{sys};
  fake_shard two{sys};
  track(one.handle());
  track(two.handle());
  tell(disk, shards_atom_v, std::vector<numbering_actor>{one.handle(), two.handle()});

  const auto fresh = ask<crdt::replica_id>(disk, renew_atom_v, own_id, a_reason);
  EXPECT_NE(fresh, own_id);
  EXPECT_EQ(ask<crdt::replica_id>(disk, renew_atom_v, own_id, a_reason), fresh)
      << "it is renewed already";

  EXPECT_EQ(one.told(), std::vector{fresh});
  EXPECT_EQ(two.told(), std::vector{fresh});
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica, fresh);
  // The next life goes on under it.
  EXPECT_EQ(std::get<0>(storage::adopt_replica(*rows, {}, true, {})).id, fresh);
}

TEST_F(StorageActor, KeepsNothingFromBeforeThisSessionOnceItTurnsOutToBeSetBack) {
  using replication::session_id;
  storage::batch before;
  storage::put_kept_since(before, {1});
  ASSERT_FALSE(rows->commit({before}, true));
  const auto disk = track(spawn_storage(
      sys, {.rows = rows, .seen = {}, .replica = own_id, .session = {2}, .has_own_thread = false}));
  const auto renew = [&](const crdt::replica_id& lost, storage::renewal::cause what) {
    return ask<crdt::replica_id>(disk, renew_atom_v, lost, storage::renewal{what, "a reason"});
  };
  const auto kept_since = [&] {
    return std::get<session_id>(storage::adopt_kept_since(*rows, {3}));
  };
  const auto fresh = renew(own_id, storage::renewal::cause::not_confirmed);
  EXPECT_EQ(kept_since(), session_id{1}) << "nothing is known to be lost";
  renew(fresh, storage::renewal::cause::set_back);
  EXPECT_EQ(kept_since(), session_id{2});
}

TEST_F(StorageActor, IsToldOfASetBackByAnIdThatItGaveUpBefore) {
  using storage::renewal;
  const auto disk = track(spawn_storage(sys, {.rows = rows,
                                              .seen = {},
                                              .replica = own_id,
                                              .session = {2},
                                              .changes = 5,
                                              .has_own_thread = false}));
  const auto renew = [&](const crdt::replica_id& lost, renewal::cause what) {
    return ask<crdt::replica_id>(disk, renew_atom_v, lost, renewal{what, "a reason"});
  };
  const auto former = [&] { return std::get<0>(storage::read_former_ids(*rows->now())); };
  const auto second = renew(own_id, renewal::cause::not_confirmed);
  EXPECT_EQ(former(), (std::vector<replication::tally>{{own_id, 5}}));

  const auto third = renew(own_id, renewal::cause::set_back);

  EXPECT_NE(third, second);
  EXPECT_EQ(std::get<0>(storage::adopt_kept_since(*rows, {3})), replication::session_id{2});
  EXPECT_TRUE(former().empty());
  EXPECT_EQ(renew(own_id, renewal::cause::set_back), third) << "that is known";
}

class NumberingOnDisk : public StorageActor {
protected:
  storage_actor spawn_unconfirmed() {
    return track(spawn_storage(sys, {.rows = rows,
                                     .seen = {},
                                     .replica = own_id,
                                     .changes = 5,
                                     .is_confirmed = false,
                                     .has_own_thread = false}));
  }

  std::shared_ptr<const outcome<crdt::replica_id>> start_numbering(const storage_actor& disk) {
    return start_asking<crdt::replica_id>(disk, number_atom_v);
  }

  /// In the metrics.
  std::int64_t uncertain() {
    return sys.metrics().gauge_singleton("starling", "storage.replica-uncertain", "")->value();
  }
  std::int64_t renewals(storage::renewal::cause what) {
    const std::string word{to_string(what)};
    return sys.metrics()
        .counter_family("starling", "storage.replica-renewals", {"reason"}, "", "1", true)
        ->get_or_add({{"reason", word}})
        ->value();
  }

  static crdt::replica_id kept_id(storage::store& at) {
    return std::get<0>(storage::adopt_replica(at, {}, true, {})).id;
  }
};

TEST_F(NumberingOnDisk, MayBeginAtOnceWhereTheIdIsCertain) {
  EXPECT_EQ(ask<crdt::replica_id>(spawn(), number_atom_v), own_id);
}

TEST_F(NumberingOnDisk, WaitsUntilTheIdIsConfirmed) {
  const auto disk = spawn_unconfirmed();
  const auto first = start_numbering(disk);
  const auto second = start_numbering(disk);
  EXPECT_TRUE(first->is_pending());

  tell(disk, confirm_atom_v);

  EXPECT_EQ(first->value, own_id);
  EXPECT_EQ(second->value, own_id);
  EXPECT_EQ(ask<crdt::replica_id>(disk, number_atom_v), own_id);
}

TEST_F(NumberingOnDisk, TakesANewIdWhereOthersKnowMore) {
  const auto disk = spawn_unconfirmed();
  const auto waiting = start_numbering(disk);
  const auto fresh = ask<crdt::replica_id>(disk, renew_atom_v, own_id, a_reason);
  EXPECT_NE(fresh, own_id);
  EXPECT_EQ(waiting->value, fresh);
  EXPECT_EQ(kept_id(*rows), fresh);
}

TEST_F(NumberingOnDisk, CostsANewIdInDoubtOnlyWhenSomethingIsToBeNumbered) {
  const auto disk = spawn_unconfirmed();
  tell(disk, doubt_atom_v);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica, own_id) << "nobody writes";

  const auto fresh = ask<crdt::replica_id>(disk, number_atom_v);
  EXPECT_NE(fresh, own_id);
  EXPECT_EQ(kept_id(*rows), fresh);
}

TEST_F(NumberingOnDisk, InDoubtCostsANewIdAtOnceWhereSomethingWaits) {
  const auto disk = spawn_unconfirmed();
  const auto waiting = start_numbering(disk);
  tell(disk, doubt_atom_v);
  ASSERT_TRUE(waiting->value);
  EXPECT_NE(*waiting->value, own_id);
}

TEST_F(NumberingOnDisk, GoesOnWhereSomebodyAnswersAfterAll) {
  const auto disk = spawn_unconfirmed();
  tell(disk, doubt_atom_v);
  tell(disk, confirm_atom_v);
  EXPECT_EQ(ask<crdt::replica_id>(disk, number_atom_v), own_id);
}

TEST_F(NumberingOnDisk, FailsWhereNoNewIdCanBeKept) {
  const auto disk = spawn_unconfirmed();
  const auto waiting = start_numbering(disk);
  rows->break_down({trouble::full, "no room"});
  tell(disk, doubt_atom_v);
  EXPECT_EQ(waiting->error, errc::disk_full);
  EXPECT_EQ(ask_error<crdt::replica_id>(disk, number_atom_v), errc::disk_full);
}

TEST_F(NumberingOnDisk, SaysWhatIsKnownOfTheIdAndWhoIsWaitedFor) {
  const auto disk = spawn_unconfirmed();
  tell(disk, question_atom_v, std::string{"a:1"});
  auto report = ask<storage_report>(disk, report_atom_v);
  EXPECT_EQ(report.replica_state, certainty::asked);
  EXPECT_EQ(report.unanswered, "a:1");
  EXPECT_FALSE(report.holds_writes);
  EXPECT_EQ(uncertain(), 1);

  tell(disk, doubt_atom_v);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica_state, certainty::doubtful);
  EXPECT_EQ(uncertain(), 1);

  tell(disk, confirm_atom_v);
  report = ask<storage_report>(disk, report_atom_v);
  EXPECT_EQ(report.replica_state, certainty::certain);
  EXPECT_EQ(report.unanswered, "");
  EXPECT_EQ(uncertain(), 0);
}

TEST_F(NumberingOnDisk, SaysThatWritesWait) {
  const auto disk = spawn_unconfirmed();
  start_numbering(disk);
  EXPECT_TRUE(ask<storage_report>(disk, report_atom_v).holds_writes);
  tell(disk, confirm_atom_v);
  EXPECT_FALSE(ask<storage_report>(disk, report_atom_v).holds_writes);
}

TEST_F(NumberingOnDisk, CountsTheIdsThatWereGivenUpByReason) {
  using enum storage::renewal::cause;
  const auto disk = spawn_unconfirmed();
  for (const auto what : storage::renewal_causes)
    EXPECT_EQ(renewals(what), 0);
  tell(disk, doubt_atom_v);
  const auto fresh = ask<crdt::replica_id>(disk, number_atom_v);
  EXPECT_EQ(renewals(not_confirmed), 1);
  ask<crdt::replica_id>(disk, renew_atom_v, fresh, storage::renewal{set_back, "a reason"});
  ask<crdt::replica_id>(disk, renew_atom_v, fresh, storage::renewal{set_back, "the same"});
  EXPECT_EQ(renewals(set_back), 1);
  track(spawn_storage(sys, {.rows = rows,
                            .seen = {},
                            .replica = own_id,
                            .renewed = storage::renewal{another_disk, "a reason"},
                            .has_own_thread = false}));
  EXPECT_EQ(renewals(another_disk), 1) << "at the start";
}

TEST_F(NumberingOnDisk, CountsItsOwnChangesInTheirBatch) {
  const auto disk = spawn_unconfirmed();
  const auto own = [&] { return std::get<0>(storage::read_own_changes(*rows->now())); };
  EXPECT_EQ(ask<std::uint64_t>(disk, apply_atom_v, putting("a")), 6u);
  EXPECT_EQ(own(), 6u);
  tell(disk, commit_atom_v, putting("b"));
  EXPECT_EQ(own(), 6u) << "that one is a peer's";
  const auto first = start_asking<std::uint64_t>(disk, apply_atom_v, putting("c"));
  EXPECT_EQ(first->value, 7u);
  EXPECT_EQ(own(), 7u);
}

TEST_F(NumberingOnDisk, CommitsNotesWithWhatComesNext) {
  const auto disk = spawn();
  tell(disk, note_atom_v, putting("note"));
  EXPECT_FALSE(has("note"));
  EXPECT_TRUE(rows->groups.empty());
  tell(disk, commit_atom_v, putting("a"));
  EXPECT_TRUE(has("note"));
  EXPECT_EQ(rows->groups, std::vector<std::size_t>{2});
  EXPECT_EQ(rows->syncs, 1u);
}

TEST_F(StorageActor, RenewsNothingThatItCannotKeep) {
  const auto disk = spawn();
  rows->break_down({trouble::full, "no room"});
  EXPECT_EQ(ask_error<crdt::replica_id>(disk, renew_atom_v, own_id, a_reason), errc::disk_full);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica, own_id);
}

TEST_F(StorageActor, WritesNothingThatCameWhileSomethingElseFailed) {
  /// Fails once, which a store must not do: it shows who goes on writing.
  class failing_once : public counting_store {
  public:
    wire::possible<storage::failure> commit(const std::vector<storage::batch>& batches,
                                            bool synced) override {
      if (std::exchange(fails_, false))
        return storage::failure{trouble::full, "no room"};
      return counting_store::commit(batches, synced);
    }

  private:
    bool fails_ = true;
  };
  rows = std::make_shared<failing_once>();
  const auto disk = spawn();
  std::optional<caf::error> became;
  sys.spawn([&](caf::event_based_actor* self) {
    self->request(disk, caf::infinite, commit_atom_v, putting("a"))
        .then([&] { became.emplace(); }, [&](caf::error& why) { became = std::move(why); });
    // It fails between the change's arrival and its group's turn.
    self->request(disk, caf::infinite, renew_atom_v, own_id, a_reason)
        .then([](const crdt::replica_id&) {}, [](const caf::error&) {});
  });
  settle();

  ASSERT_TRUE(became);
  EXPECT_EQ(*became, errc::disk_full);
  EXPECT_FALSE(has("a"));
}

TEST_F(StorageActor, CountsNoSyncThatFailed) {
  const auto disk = spawn(durability::batch);
  tell(disk, commit_atom_v, putting("a"));
  rows->break_down({trouble::full, "no room"});
  advance(100ms);
  EXPECT_TRUE(ask<storage_report>(disk, report_atom_v).failure);
  EXPECT_EQ(sys.metrics().counter_singleton("starling", "storage.syncs", "", "1", true)->value(),
            0);
}

// --- starting again ----------------------------------------------------------------------------

class StorageActorThatStartsAgain : public StorageActor {
protected:
  storage_actor spawn(std::uint64_t room_bytes = 1) {
    return track(spawn_storage(sys, {.rows = rows,
                                     .seen = {},
                                     .replica = own_id,
                                     .has_own_thread = false,
                                     .folder = folder.path(),
                                     .room_bytes = room_bytes,
                                     .retry_interval = 10s,
                                     .start_again = [this] { ++starts; }}));
  }

  bool is_ordered() const { return std::filesystem::exists(folder / "damaged"); }

  storage::temporary_folder folder;
  int starts = 0;
};

TEST_F(StorageActorThatStartsAgain, DoesSoOnceAFailedDiskHasRoom) {
  const auto disk = spawn();
  rows->break_down({trouble::full, "no room"});
  EXPECT_TRUE(commit(disk, putting("a")));
  advance(9s);
  EXPECT_EQ(starts, 0);
  advance(2s);
  EXPECT_EQ(starts, 1);
  EXPECT_FALSE(is_ordered()) << "nothing is damaged";
}

TEST_F(StorageActorThatStartsAgain, WaitsForRoom) {
  const auto disk = spawn(UINT64_MAX);
  rows->break_down({trouble::full, "no room"});
  EXPECT_TRUE(commit(disk, putting("a")));
  advance(60s);
  EXPECT_EQ(starts, 0);
}

TEST_F(StorageActorThatStartsAgain, HasDamagedRowsRebuiltThen) {
  const auto disk = spawn();
  tell(disk, damaged_atom_v, storage::failure{trouble::corrupted, "a flipped bit"});
  EXPECT_TRUE(is_ordered()) << "whoever starts it, and when";
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).damage, "a flipped bit");
  EXPECT_FALSE(commit(disk, putting("a"))) << "it goes on with the rest";
  tell(disk, damaged_atom_v, storage::failure{trouble::corrupted, "another"});
  advance(30s);
  EXPECT_EQ(starts, 1);
}

class StorageActorInAFolder : public StorageActorThatStartsAgain {
protected:
  StorageActorInAFolder() {
    namespace fs = std::filesystem;
    fs::create_directories(folder / "data/rows");
    std::ofstream{folder / "data/format"} << "starling data 2\n";
    std::ofstream{folder / "data/rows/CURRENT"} << "x";
    disk = track(spawn_storage(sys, {.rows = rows,
                                     .seen = {},
                                     .replica = own_id,
                                     .has_own_thread = false,
                                     .folder = folder / "data",
                                     .room_bytes = 1,
                                     .retry_interval = 10s,
                                     .start_again = [this] { ++starts; }}));
  }

  void take_away() { std::filesystem::rename(folder / "data", folder / "elsewhere"); }
  void bring_back() { std::filesystem::rename(folder / "elsewhere", folder / "data"); }

  wire::possible<storage::failure> failure_told() {
    return ask<storage_report>(disk, report_atom_v).failure;
  }

  storage_actor disk;
};

TEST_F(StorageActorInAFolder, TakesNoWriteOnceTheFolderIsGone) {
  EXPECT_FALSE(commit(disk, putting("a")));
  take_away();
  EXPECT_EQ(commit(disk, putting("b")), errc::write_unknown)
      << "the file that has it may come back";
  EXPECT_EQ(commit(disk, putting("c")), errc::disk_failed);
  ASSERT_TRUE(failure_told());
  EXPECT_NE(failure_told()->what.find(folder / "data"), std::string::npos);
}

TEST_F(StorageActorInAFolder, NoticesThatTheFolderIsGoneWithoutAWrite) {
  take_away();
  EXPECT_FALSE(failure_told());
  advance(2s);
  EXPECT_TRUE(failure_told());
}

TEST_F(StorageActorInAFolder, StartsAgainOnlyOnceTheSameFolderIsBack) {
  take_away();
  advance(60s);
  EXPECT_EQ(starts, 0);
  std::filesystem::create_directory(folder / "data"); // a volume that is not mounted
  advance(60s);
  EXPECT_EQ(starts, 0) << "a start would make a new node";
  std::filesystem::remove(folder / "data");
  bring_back();
  advance(11s);
  EXPECT_EQ(starts, 1);
}

TEST_F(StorageActorThatStartsAgain, DoesSoWhereItCouldNotWriteFromTheBeginning) {
  const auto disk = track(spawn_storage(sys, {.rows = rows,
                                              .seen = {},
                                              .replica = own_id,
                                              .has_own_thread = false,
                                              .failure = storage::failure{trouble::full, "full"},
                                              .folder = folder.path(),
                                              .room_bytes = 1,
                                              .retry_interval = 10s,
                                              .start_again = [this] { ++starts; }}));
  advance(9s);
  EXPECT_EQ(starts, 0);
  advance(2s);
  EXPECT_EQ(starts, 1);
}

TEST_F(StorageActorThatStartsAgain, SaysForAWhileWhatCouldNotBeRead) {
  const auto disk = spawn();
  tell(disk, damaged_atom_v, storage::failure{trouble::broken, "an I/O error"});
  advance(9s);
  tell(disk, damaged_atom_v, storage::failure{trouble::broken, "another"});
  advance(9s);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).unreadable, "another");
  advance(2s);
  EXPECT_FALSE(ask<storage_report>(disk, report_atom_v).unreadable);
  EXPECT_FALSE(is_ordered()) << "it may be readable the next time";
  EXPECT_EQ(starts, 0);
}

TEST_F(StorageActorThatStartsAgain, TakesDamageThatAWriteMeetsForWhatItIs) {
  const auto disk = spawn();
  rows->break_down({trouble::corrupted, "a flipped bit"});
  EXPECT_TRUE(commit(disk, putting("a")));
  EXPECT_TRUE(is_ordered());
}

TEST_F(StorageActor, SyncsWhatIsCommittedBeforeItEnds) {
  const auto disk = spawn(durability::batch);
  tell(disk, commit_atom_v, putting("a"));
  caf::anon_send_exit(disk, caf::exit_reason::user_shutdown);
  settle();
  EXPECT_EQ(rows->syncs, 1u);
}

} // namespace
} // namespace starling::actors
