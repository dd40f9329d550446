#include "node/home.hpp"
#include "storage/disk/members_file.hpp"
#include "storage/disk/rocks_store.hpp"
#include "storage/tally_rows.hpp"
#include "tests/storage/first_rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/resource.h>

namespace starling::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Home : public testing::Test {
protected:
  config::options options_for(const std::string& name) const {
    config::options o;
    o.storage.data_dir = above / name;
    o.node.identity_file = o.storage.data_dir + "/identity";
    return o;
  }

  static home open(const config::options& o) {
    auto opened = open_home(o);
    if (const auto* why = std::get_if<std::string>(&opened))
      throw std::runtime_error{*why};
    return std::get<home>(std::move(opened));
  }

  storage::temporary_folder above;
};

TEST_F(Home, IsTakenUpAgain) {
  const auto o = options_for("data");
  const auto first = open(o).who;
  const auto second = open(o).who;
  EXPECT_EQ(second.node, first.node);
  EXPECT_EQ(second.replica, first.replica);
  EXPECT_NE(second.session, first.session);
  EXPECT_GT(second.generation, first.generation);
  EXPECT_EQ(second.last_generation, first.generation);
}

TEST_F(Home, KeepsNothingInMemory) {
  config::options o;
  o.storage.in_memory = true;
  const auto first = open(o);
  EXPECT_FALSE(first.folder);
  EXPECT_FALSE(first.rows);
  EXPECT_NE(open(o).who.replica, first.who.replica);
}

TEST_F(Home, IsOneProcessesAtATime) {
  const auto o = options_for("data");
  const auto first = open(o);
  const auto second = open_home(o);
  ASSERT_TRUE(std::holds_alternative<std::string>(second));
  EXPECT_THAT(std::get<std::string>(second), HasSubstr("storage.data-dir: "));
}

TEST_F(Home, NumbersEventsAnewOnACopy) {
  const auto original = open(options_for("data")).who;
  fs::copy(above / "data", above / "copy", fs::copy_options::recursive);
  const auto copy = open(options_for("copy")).who;
  EXPECT_EQ(copy.node, original.node) << "whoever it meets will tell";
  EXPECT_NE(copy.replica, original.replica);
  EXPECT_EQ(open(options_for("data")).who.replica, original.replica);
  EXPECT_FALSE(open(options_for("data")).renewed);
}

TEST_F(Home, NumbersEventsAnewWhereAnOlderCopyWasWrittenOver) {
  const auto o = options_for("data");
  const auto original = open(o).who;
  fs::copy(above / "data", above / "copy", fs::copy_options::recursive);
  EXPECT_EQ(open(o).who.replica, original.replica) << "another life";
  // As rsync does: what is the same is left alone, what is not is another file afterwards.
  for (const auto* name : {"life", "rows"}) {
    fs::remove_all(o.storage.data_dir + "/" + name);
    fs::copy(above / "copy/" + name, o.storage.data_dir + "/" + name, fs::copy_options::recursive);
  }
  const auto after = open(o);
  EXPECT_NE(after.who.replica, original.replica);
  EXPECT_TRUE(after.has_fresh_id);
  ASSERT_TRUE(after.renewed);
  EXPECT_EQ(after.renewed->what, storage::renewal::cause::another_disk);
}

TEST_F(Home, NumbersEventsAnewWhereALogIsOlderThanItsFile) {
  const auto o = options_for("data");
  const auto original = open(o).who;
  if (open(o).seen.format_file.born_ns == 0)
    GTEST_SKIP() << "SKIPPED: this file system knows no births";
  for (const auto& entry : fs::directory_iterator{o.storage.data_dir + "/rows"})
    if (entry.path().extension() == ".log")
      fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours{1});
  EXPECT_NE(open(o).who.replica, original.replica);
}

TEST_F(Home, NumbersEventsAnewAtAnotherAddressAlone) {
  auto o = options_for("data");
  o.cluster.advertise = "node-1:9080";
  const auto original = open(o).who;
  EXPECT_EQ(open(o).who.replica, original.replica);
  fs::rename(above / "data", above / "renamed");
  auto renamed = options_for("renamed");
  renamed.cluster.advertise = o.cluster.advertise;
  EXPECT_EQ(open(renamed).who.replica, original.replica);
  renamed.cluster.advertise = "node-2:9080";
  EXPECT_NE(open(renamed).who.replica, original.replica);
}

TEST_F(Home, HasWhatTheLastLifeKnewOfOthersAndItself) {
  const auto o = options_for("data");
  const auto bobs = crdt::replica_id::from(2, 2);
  const std::vector<membership::remembered_member> members{
      {membership::node_id::from(3, 3), "node-3:9080", true}};
  {
    const auto before = open(o);
    EXPECT_TRUE(before.has_fresh_id);
    EXPECT_EQ(before.changes, 0u);
    storage::batch changed;
    changed.put(storage::members_row(), membership::encode(members));
    storage::put_own_changes(changed, 7);
    storage::put_tally(changed, {bobs, 5});
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  const auto after = open(o);
  EXPECT_FALSE(after.has_fresh_id);
  EXPECT_EQ(after.changes, 7u);
  EXPECT_EQ(after.tallies, (std::vector<replication::tally>{{bobs, 5}}));
  EXPECT_EQ(after.members, members);
}

TEST_F(Home, KnowsFromAFileWhoMayBringBackWhatWasLostTogetherWithItsMembers) {
  const auto o = options_for("data");
  const std::vector<membership::remembered_member> then{
      {membership::node_id::from(3, 3), "node-3:9080", true}};
  {
    const auto before = open(o);
    storage::lost_keys lost;
    lost.add(crdt::key{crdt::type::counter, "visitors"});
    storage::batch noted;
    put(noted, lost);
    ASSERT_FALSE(before.rows->commit({noted}, true));
    ASSERT_FALSE(storage::keep_members(before.folder->path(), membership::encode(then)));
  }
  {
    const auto after = open(o);
    EXPECT_EQ(after.rescuers, then);
    auto later = then;
    later.push_back({membership::node_id::from(4, 4), "node-4:9080", true});
    ASSERT_FALSE(storage::keep_members(after.folder->path(), membership::encode(later)));
  }
  EXPECT_EQ(open(o).rescuers, then) << "who came later is no help";
}

TEST_F(Home, KnowsFromAFileWhoHadAllWhereAnOlderRowOfTheMembersWasSaved) {
  const auto o = options_for("data");
  const std::vector<membership::remembered_member> saved{
      {membership::node_id::from(3, 3), "node-3:9080", true}};
  auto later = saved;
  later[0].kept_since = membership::session_id{77};
  later.push_back({membership::node_id::from(4, 4), "node-4:9080", true});
  later.push_back(
      {membership::node_id::from(5, 5), "node-5:9080", true, membership::session_id{78}});
  {
    const auto before = open(o);
    storage::lost_keys lost;
    lost.add(crdt::key{crdt::type::counter, "visitors"});
    storage::batch noted;
    put(noted, lost);
    noted.put(storage::members_row(), membership::encode(saved));
    noted.put(storage::rescuers_row(), membership::encode(saved));
    ASSERT_FALSE(before.rows->commit({noted}, true));
    ASSERT_FALSE(storage::keep_members(before.folder->path(), membership::encode(later)));
  }
  const std::vector expected{later[0], membership::remembered_member{later[2].id, "node-5:9080",
                                                                     false, later[2].kept_since}};
  {
    const auto after = open(o);
    EXPECT_EQ(after.rescuers, expected);
    EXPECT_EQ(after.members, std::vector{later[0]});
    ASSERT_FALSE(storage::keep_members(after.folder->path(), membership::encode(saved)));
  }
  EXPECT_EQ(open(o).rescuers, expected) << "it is kept";
}

TEST_F(Home, KnowsSinceWhichSessionItHasLostNothing) {
  const auto o = options_for("data");
  const auto session_of = [](const home& at) {
    return replication::session_id{at.who.session.bits};
  };
  const auto first = session_of(open(o));
  EXPECT_EQ(open(o).kept_since, first);
  EXPECT_EQ(open(o).kept_since, first);
  fs::remove_all(above / "data/rows");
  const auto robbed = open(o);
  EXPECT_EQ(robbed.kept_since, session_of(robbed));
}

TEST_F(Home, NumbersEventsAnewWhereItWasKilledAfterItHeardThatItWasSetBack) {
  const auto o = options_for("data");
  const auto original = open(o).who;
  {
    const auto before = open(o);
    storage::batch changed;
    storage::put_tally(changed, {original.replica, 1});
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  crdt::replica_id fresh;
  {
    const auto after = open(o);
    EXPECT_NE(after.who.replica, original.replica);
    EXPECT_TRUE(after.has_fresh_id);
    ASSERT_TRUE(after.renewed);
    EXPECT_EQ(after.renewed->what, storage::renewal::cause::set_back);
    fresh = after.who.replica;
  }
  EXPECT_EQ(open(o).who.replica, fresh) << "it is kept";
}

TEST_F(Home, StartsWithoutTheMembersWhereTheirRowMakesNoSense) {
  const auto o = options_for("data");
  {
    const auto before = open(o);
    storage::batch changed;
    changed.put(storage::node_row("members"), "x");
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  EXPECT_TRUE(open(o).members.empty());
}

TEST_F(Home, NumbersEventsAnewAfterAnUnsyncedLifeThatDidNotEndInOrder) {
  auto o = options_for("data");
  o.storage.durability = "batch";
  const auto first = open(o).who;
  crdt::replica_id kept;
  {
    const auto second = open(o);
    kept = second.who.replica;
    EXPECT_NE(kept, first.replica);
    EXPECT_FALSE(storage::close_in_order(*second.rows));
  }
  EXPECT_EQ(open(o).who.replica, kept);
}

TEST_F(Home, IsANewMemberWhereThatIsAskedFor) {
  auto o = options_for("data");
  const auto first = open(o).who;
  o.storage.new_identity = true;
  const auto second = open(o).who;
  EXPECT_NE(second.node, first.node);
  EXPECT_NE(second.replica, first.replica);
  EXPECT_EQ(open(o).renewed->what, storage::renewal::cause::asked_for);
  o.storage.new_identity = false;
  const auto third = open(o).who;
  EXPECT_EQ(open(o).who.node, third.node);
  EXPECT_EQ(open(o).who.replica, third.replica);
}

TEST_F(Home, LeavesAFolderAloneThatIsNone) {
  const auto o = options_for("data");
  fs::create_directory(o.storage.data_dir);
  std::ofstream{o.storage.data_dir + "/letter"} << "dear all";
  const auto opened = open_home(o);
  ASSERT_TRUE(std::holds_alternative<std::string>(opened));
  EXPECT_THAT(std::get<std::string>(opened), HasSubstr("storage.data-dir: "));
  EXPECT_EQ(std::distance(fs::directory_iterator{o.storage.data_dir}, {}), 1);
}

TEST_F(Home, KeepsItsValuesWhenTheKeyOfTheClusterChanges) {
  auto o = options_for("data");
  const crdt::key visitors{crdt::type::counter, "visitors"};
  {
    const auto before = open(o);
    storage::held_value value{visitors};
    storage::batch changed;
    value.apply(crdt::counter_add{5}, before.who.replica, 0, digester_of(o), &changed);
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  o.cluster.key = "another key of the cluster";
  const auto after = open(o);
  const auto read = storage::read_value(*after.rows->now(), visitors, 0, digester_of(o));
  ASSERT_TRUE(std::holds_alternative<std::optional<storage::held_value>>(read));
  EXPECT_EQ(std::get<0>(read)->value().as<crdt::pn_counter>().read().value, 5);
}

/// A machine on which no file can be written, for as long as this lives.
class no_room {
public:
  no_room() {
    before_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  no_room(const no_room&) = delete;
  no_room& operator=(const no_room&) = delete;
  ~no_room() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }

private:
  rlimit before_{};
  void (*before_handler_)(int) = nullptr;
};

TEST_F(Home, IsReadByAProcessThatGoesOnThoughNothingCanBeWritten) {
  const auto o = options_for("data");
  const crdt::key visitors{crdt::type::counter, "visitors"};
  identity first;
  {
    const auto before = open(o);
    first = before.who;
    storage::held_value value{visitors};
    storage::batch changed;
    value.apply(crdt::counter_add{5}, before.who.replica, 0, digester_of(o), &changed);
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  {
    const no_room now;
    EXPECT_TRUE(std::holds_alternative<std::string>(open_home(o))) << "nothing was there before";
    for (int i = 0; i < 3; ++i) {
      auto opened = open_home(o, true);
      ASSERT_TRUE(std::holds_alternative<home>(opened)) << std::get<std::string>(opened);
      const auto& readable = std::get<home>(opened);
      EXPECT_TRUE(readable.cannot_write);
      EXPECT_EQ(readable.who.node, first.node);
      EXPECT_GT(readable.who.generation, first.generation);
      EXPECT_NE(readable.who.replica, first.replica) << "nobody may number anything";
      const auto read = storage::read_value(*readable.rows->now(), visitors, 0, digester_of(o));
      ASSERT_TRUE(std::holds_alternative<std::optional<storage::held_value>>(read));
      EXPECT_EQ(std::get<0>(read)->value().as<crdt::pn_counter>().read().value, 5);
      EXPECT_TRUE(readable.rows->commit({}, true));
    }
  }
  const auto after = open(o);
  EXPECT_FALSE(after.cannot_write);
  EXPECT_EQ(after.who.node, first.node);
  EXPECT_EQ(after.who.replica, first.replica) << "nothing is in doubt";
}

/// Makes the folder one of format 1. Requires: nobody uses it.
void set_back_to_format_1(const std::string& folder) {
  {
    const auto rows = std::get<storage::opened>(storage::open_rocks_store(folder + "/rows")).rows;
    std::map<std::string, std::string, std::less<>> present;
    storage::batch old;
    EXPECT_FALSE(rows->now()->scan("", "\xff", [&](std::string_view name, std::string_view value) {
      present.emplace(name, value);
      old.erase(name);
      return true;
    }));
    for (const auto& [name, value] : storage::as_of_format_1(present))
      old.put(name, value);
    EXPECT_FALSE(rows->commit({old}, true));
  }
  // Without another time, as it would have been all the time.
  const auto written = fs::last_write_time(folder + "/format");
  storage::make_format_of_format_1(folder);
  fs::last_write_time(folder + "/format", written);
}

TEST_F(Home, IsMigratedOnceThereIsRoom) {
  const auto o = options_for("data");
  const crdt::key visitors{crdt::type::counter, "visitors"};
  identity first;
  {
    const auto before = open(o);
    first = before.who;
    storage::held_value value{visitors};
    storage::batch changed;
    value.apply(crdt::counter_add{5}, before.who.replica, 0, digester_of(o), &changed);
    storage::put_tally(changed, {crdt::replica_id::from(7, 7), 3});
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  set_back_to_format_1(o.storage.data_dir);
  {
    const no_room now;
    auto opened = open_home(o, true);
    ASSERT_TRUE(std::holds_alternative<home>(opened)) << std::get<std::string>(opened);
    const auto& waiting = std::get<home>(opened);
    EXPECT_TRUE(waiting.cannot_write);
    EXPECT_EQ(waiting.who.node, first.node);
    EXPECT_NE(waiting.who.replica, first.replica) << "nobody may number anything";
    EXPECT_TRUE(waiting.lost.contains(visitors)) << "nobody may take it for empty";
    EXPECT_EQ(waiting.tallies.size(), 1u) << "others may ask";
    EXPECT_GT(waiting.room_needed, 0u);
    EXPECT_FALSE(waiting.kept_since);
    EXPECT_TRUE(waiting.rows->commit({}, true));
    EXPECT_TRUE(waiting.folder->is_of_format_1());
  }
  const auto after = open(o);
  EXPECT_FALSE(after.cannot_write);
  EXPECT_TRUE(after.lost.empty());
  EXPECT_EQ(after.who.replica, first.replica) << "nothing is in doubt";
  EXPECT_FALSE(after.renewed);
  const auto read = storage::read_value(*after.rows->now(), visitors, 0, digester_of(o));
  ASSERT_TRUE(std::holds_alternative<std::optional<storage::held_value>>(read));
  EXPECT_EQ(std::get<0>(read)->value().as<crdt::pn_counter>().read().value, 5);
}

TEST_F(Home, KeepsItsReplicaIdThroughStartsAfterAMigration) {
  const auto o = options_for("data");
  const auto first = open(o).who;
  set_back_to_format_1(o.storage.data_dir);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(open(o).who.replica, first.replica);
}

TEST_F(Home, IsNotMadeWhereNothingCanBeWritten) {
  const auto o = options_for("data");
  const no_room now;
  EXPECT_TRUE(std::holds_alternative<std::string>(open_home(o, true)));
}

TEST_F(Home, IsRebuiltAtOnceWhereTheStartComesUponDamage) {
  auto o = options_for("data");
  const crdt::key visitors{crdt::type::counter, "visitors"};
  const auto first = open(o).who;
  {
    const auto before = open(o);
    storage::held_value value{visitors};
    storage::batch changed;
    value.apply(crdt::counter_add{5}, before.who.replica, 0, digester_of(o), &changed);
    ASSERT_FALSE(before.rows->commit({changed}, true));
  }
  open(o); // makes files of rows of the log
  for (const auto& entry : fs::directory_iterator{o.storage.data_dir + "/rows"})
    if (entry.path().extension() == ".sst") { // all rows are in the first block of one
      std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
      file.seekp(10);
      file.put('?');
    }

  auto after = open(o);
  EXPECT_EQ(after.who.node, first.node);
  EXPECT_NE(after.who.replica, first.replica);
  EXPECT_TRUE(after.lost.contains(visitors));
  ASSERT_TRUE(after.renewed);
  EXPECT_EQ(after.renewed->what, storage::renewal::cause::damaged);
  EXPECT_FALSE(fs::exists(o.storage.data_dir + "/damaged"));
  const auto replica = after.who.replica;
  after = home{};

  EXPECT_TRUE(open(o).lost.contains(visitors)) << "nobody has brought it back";
  EXPECT_EQ(open(o).who.replica, replica);
  o.storage.accept_loss = true;
  EXPECT_TRUE(open(o).lost.empty());
  o.storage.accept_loss = false;
  EXPECT_TRUE(open(o).lost.empty());
}

/// A home with a counter of 5 in its rows, in a log.
class HomeWithAValue : public Home {
protected:
  HomeWithAValue() {
    const auto before = open(o);
    first = before.who;
    storage::held_value value{visitors};
    storage::batch changed;
    value.apply(crdt::counter_add{5}, before.who.replica, 0, digester_of(o), &changed);
    EXPECT_FALSE(before.rows->commit({changed}, true));
  }

  std::int64_t value_in(const home& h) const {
    const auto read = storage::read_value(*h.rows->now(), visitors, 0, digester_of(o));
    const auto* kept = std::get_if<std::optional<storage::held_value>>(&read);
    return kept != nullptr && *kept ? (*kept)->value().as<crdt::pn_counter>().read().value : -1;
  }

  config::options o = options_for("data");
  const crdt::key visitors{crdt::type::counter, "visitors"};
  identity first;
};

TEST_F(HomeWithAValue, SaysWhatHelpsWhereNobodyKnowsWhichFilesThereShouldBe) {
  fs::remove(o.storage.data_dir + "/rows/CURRENT");
  const auto opened = open_home(o);
  ASSERT_TRUE(std::holds_alternative<std::string>(opened));
  EXPECT_THAT(std::get<std::string>(opened), HasSubstr("CURRENT is missing"));
  EXPECT_THAT(std::get<std::string>(opened), HasSubstr("nothing was changed. Bring the file back"));
  EXPECT_THAT(std::get<std::string>(opened), HasSubstr("once with --accept-loss"));
}

TEST_F(HomeWithAValue, IsMadeOfWhatIsLeftWhereThatLossIsAccepted) {
  fs::remove(o.storage.data_dir + "/rows/CURRENT");
  o.storage.accept_loss = true;
  crdt::replica_id fresh;
  {
    const auto after = open(o);
    EXPECT_EQ(value_in(after), 5);
    EXPECT_TRUE(after.lost.empty());
    EXPECT_EQ(after.who.node, first.node);
    EXPECT_NE(after.who.replica, first.replica);
    ASSERT_TRUE(after.renewed);
    EXPECT_EQ(after.renewed->what, storage::renewal::cause::damaged);
    EXPECT_TRUE(fs::exists(o.storage.data_dir + "/rows.damaged"));
    fresh = after.who.replica;
  }
  o.storage.accept_loss = false;
  EXPECT_EQ(value_in(open(o)), 5);
  EXPECT_EQ(open(o).who.replica, fresh);
}

TEST_F(HomeWithAValue, IsAsEverWhereLossIsAcceptedAndThereIsNone) {
  o.storage.accept_loss = true;
  EXPECT_EQ(open(o).who.replica, first.replica);
  EXPECT_FALSE(fs::exists(o.storage.data_dir + "/rows.damaged"));
}

TEST_F(HomeWithAValue, KnowsThatItsRowsWereRemoved) {
  EXPECT_FALSE(open(o).were_rows_removed);
  fs::remove_all(o.storage.data_dir + "/rows");
  crdt::replica_id fresh;
  {
    const auto after = open(o);
    EXPECT_TRUE(after.were_rows_removed);
    EXPECT_TRUE(after.has_fresh_id);
    EXPECT_NE(after.who.replica, first.replica);
    EXPECT_EQ(after.who.node, first.node);
    ASSERT_TRUE(after.renewed);
    EXPECT_EQ(after.renewed->what, storage::renewal::cause::damaged);
    fresh = after.who.replica;
  }
  const auto next = open(o);
  EXPECT_FALSE(next.were_rows_removed) << "that was said";
  EXPECT_EQ(next.who.replica, fresh);
}

TEST_F(Home, OfANewNodeWasNotRobbed) {
  const auto first = open(options_for("data"));
  EXPECT_FALSE(first.were_rows_removed);
  EXPECT_FALSE(first.renewed);
}

} // namespace
} // namespace starling::node
