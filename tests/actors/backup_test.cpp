#include "actors/backup.hpp"
#include "fixture.hpp"
#include "node/home.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <filesystem>
#include <memory>
#include <vector>

namespace starling::actors {
namespace {

class BackupActor : public actor_test {
protected:
  // Ends the copying that is under way, well without a reason.
  using fake_copier = copier_actor::extend<caf::result<void>(std::string)>;

  /// Copies nothing, until the test says how that ended.
  fake_copier spawn_fake_copier() {
    return track(sys.spawn([this](fake_copier::pointer self) -> fake_copier::behavior_type {
      auto under_way = std::make_shared<std::vector<caf::typed_response_promise<void>>>();
      return {[=, this](back_up_atom, const std::string& folder) -> caf::result<void> {
                ordered.push_back(folder);
                return under_way->emplace_back(self->make_response_promise<void>());
              },
              [under_way](const std::string& why) {
                if (why.empty())
                  under_way->back().deliver();
                else
                  under_way->back().deliver(caf::make_error(errc::disk_full, why));
              }};
    }));
  }

  backup_report begin(const std::string& folder) {
    return ask<backup_report>(actor, back_up_atom_v, folder);
  }

  backup_report last() { return ask<backup_report>(actor, report_atom_v); }

  std::vector<std::string> ordered;
  const fake_copier copier = spawn_fake_copier();
  backup_actor actor = track(spawn_backup(sys, copier));
};

TEST_F(BackupActor, SaysAtAnyTimeHowTheLastOneGoes) {
  EXPECT_EQ(last().state, backup_state::none);

  EXPECT_EQ(begin("/a").state, backup_state::running);
  EXPECT_EQ(last().state, backup_state::running);
  tell(copier, std::string{});
  EXPECT_EQ(last().state, backup_state::made);
  EXPECT_EQ(last().folder, "/a");

  EXPECT_EQ(begin("/b").state, backup_state::running);
  tell(copier, std::string{"no room"});
  EXPECT_EQ(last().state, backup_state::failed);
  EXPECT_EQ(last().folder, "/b");
  EXPECT_EQ(last().why, "no room");
  EXPECT_EQ(ordered, (std::vector<std::string>{"/a", "/b"}));
}

TEST_F(BackupActor, RefusesASecondOneMeanwhile) {
  begin("/a");

  for (const auto* folder : {"/a", "/b"}) {
    const auto refused = begin(folder);
    EXPECT_EQ(refused.state, backup_state::refused);
    EXPECT_EQ(refused.folder, folder);
    EXPECT_EQ(refused.why, "one is being made already, in /a");
  }

  EXPECT_EQ(last().folder, "/a");
  EXPECT_EQ(last().state, backup_state::running);
  EXPECT_EQ(ordered.size(), 1u);
}

TEST_F(BackupActor, RefusesPathsThatAreNone) {
  const auto too_long = "/" + std::string(backup_path_bytes_max, 'x');
  for (const auto& path :
       {std::string{}, std::string{"a"}, std::string{"../a"}, std::string{"/a\0b", 4}, too_long})
    EXPECT_EQ(begin(path).state, backup_state::refused);
  EXPECT_TRUE(ordered.empty());

  EXPECT_EQ(begin(too_long.substr(0, backup_path_bytes_max)).state, backup_state::running);
}

TEST_F(BackupActor, RefusesWithoutADisk) {
  actor = track(spawn_backup(sys, copier_actor{}));

  EXPECT_EQ(begin("/a").state, backup_state::refused);
  EXPECT_EQ(begin("/a").why, "this node is in memory only, so there is no data folder to copy");
}

// -- with a disk --

/// What a process takes up at its start, of a backup too.
class BackupOfAHome : public ::testing::Test {
protected:
  BackupOfAHome() { register_types(); }

  static config::options options_at(const std::string& data_dir) {
    config::options o;
    o.storage.data_dir = data_dir;
    o.node.identity_file = data_dir + "/identity";
    return o;
  }

  node::home taken_up(const config::options& o) {
    auto result = node::open_home(o);
    if (const auto* why = std::get_if<std::string>(&result))
      throw std::runtime_error{*why};
    return std::get<node::home>(std::move(result));
  }

  /// Has a copier make a backup of the home at `data`; how that went.
  caf::error back_up(const std::string& folder) {
    const auto original = taken_up(options_at(data));
    first = original.who;
    EXPECT_FALSE(original.rows->commit({storage::putting({{"x", "1"}})}, true));
    caf::actor_system_config config;
    caf::actor_system sys{config};
    const auto copier = spawn_copier(sys, original.rows, options_at(data).node.identity_file);
    caf::error result;
    caf::scoped_actor self{sys};
    self->request(copier, std::chrono::seconds{60}, back_up_atom_v, folder)
        .receive([] {}, [&](caf::error& why) { result = std::move(why); });
    self->send_exit(copier, caf::exit_reason::user_shutdown);
    self->wait_for(copier);
    return result;
  }

  storage::temporary_folder above;
  const std::string data = above / "data";
  const std::string copy = above / "copy";
  node::identity first; // of the original
};

TEST_F(BackupOfAHome, IsTheSameMemberUnderANewReplicaId) {
  ASSERT_FALSE(back_up(copy));

  const auto second = taken_up(options_at(copy));

  EXPECT_EQ(second.who.node, first.node);
  EXPECT_GT(second.who.generation, first.generation);
  EXPECT_NE(second.who.replica, first.replica);
  EXPECT_EQ(storage::value_of(*second.rows->now(), "x"), "1");
  EXPECT_EQ(taken_up(options_at(data)).who.replica, first.replica) << "the original keeps its own";
}

TEST_F(BackupOfAHome, GetsANewReplicaIdInThePlaceOfTheOriginal) {
  ASSERT_FALSE(back_up(copy));
  std::filesystem::remove_all(data);
  std::filesystem::rename(copy, data);

  const auto second = taken_up(options_at(data)).who.replica;

  EXPECT_NE(second, first.replica);
  EXPECT_EQ(taken_up(options_at(data)).who.replica, second) << "it is an original from now on";
}

TEST_F(BackupOfAHome, GetsANewReplicaIdInACopyOfTheBackup) {
  ASSERT_FALSE(back_up(copy));
  std::filesystem::remove_all(data);
  std::filesystem::copy(copy, data, std::filesystem::copy_options::recursive);

  const auto second = taken_up(options_at(data)).who;

  EXPECT_EQ(second.node, first.node);
  EXPECT_NE(second.replica, first.replica);
}

TEST_F(BackupOfAHome, FailsWithTheReasonOfTheDisk) {
  const auto why = back_up(data);

  EXPECT_EQ(why, errc::disk_failed);
  EXPECT_EQ(reason_of(why), data + " exists already");
}

} // namespace
} // namespace starling::actors
