#include "keyspace/commit_groups.hpp"
#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"

#include <gmock/gmock.h>

namespace starling::keyspace {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto fast = 100us;
constexpr auto slow = 10ms;

storage::batch putting(const std::string& name) {
  storage::batch result;
  result.put(name, "x");
  return result;
}

class CommitGroups : public testing::Test {
protected:
  void add(commit_ticket who, bool is_own = false) {
    groups.add(who, putting(std::to_string(who)), is_own, todo);
  }

  /// Takes the only thing that is to be done, if it is of that kind.
  template <class Effect>
  Effect only() {
    EXPECT_EQ(todo.size(), 1u);
    auto result = todo.empty() ? Effect{} : std::get<Effect>(std::move(todo.front()));
    todo.clear();
    return result;
  }

  /// Lets what waits be gathered and gives the group that is to be written then.
  write_group gathered() {
    only<gather>();
    groups.gathered(todo);
    return only<write_group>();
  }

  /// Takes what is to be answered, and leaves the rest.
  answer_changes answered() {
    answer_changes result{{}, 0, std::nullopt};
    std::erase_if(todo, [&](auto& e) {
      auto* a = std::get_if<answer_changes>(&e);
      if (a != nullptr)
        result = std::move(*a);
      return a != nullptr;
    });
    return result;
  }

  commit_groups groups{7, true};
  commit_effects todo;
};

TEST_F(CommitGroups, WritesWhatHasComeAsOneGroupAndAnswersAllOfItThen) {
  add(1);
  add(2);
  const auto group = gathered();
  EXPECT_THAT(group.changes, ElementsAre(1, 2));
  EXPECT_EQ(group.batches.size(), 2u);
  EXPECT_TRUE(group.synced);

  groups.written(fast, todo);
  const auto told = only<answer_changes>();
  EXPECT_THAT(told.to, ElementsAre(1, 2));
  EXPECT_FALSE(told.why);
}

TEST_F(CommitGroups, AnswersNobodyWhileAGroupIsBeingWritten) {
  add(1);
  gathered();
  add(2);
  EXPECT_TRUE(todo.empty());

  groups.written(fast, todo);
  EXPECT_THAT(answered().to, ElementsAre(1));
  EXPECT_THAT(gathered().changes, ElementsAre(2));
}

TEST_F(CommitGroups, CountsChangesOfThisNodeInTheirGroup) {
  add(1, true);
  add(2, false);
  add(3, true);
  const auto group = gathered();
  storage::memory_store rows;
  EXPECT_FALSE(rows.commit(group.batches, true));
  EXPECT_EQ(std::get<std::uint64_t>(storage::read_own_changes(*rows.now())), 9u);
  EXPECT_EQ(groups.own_changes(), 7u) << "it is not there yet";

  groups.written(fast, todo);
  EXPECT_EQ(answered().own_changes, 9u);
}

TEST_F(CommitGroups, WritesNotesWithTheNextGroup) {
  groups.note(putting("note"));
  EXPECT_TRUE(todo.empty());
  add(1);
  EXPECT_EQ(gathered().batches.size(), 2u);
}

TEST_F(CommitGroups, WaitsAfterASlowCommitForThoseWhomItAnswered) {
  add(1);
  add(2);
  gathered();
  groups.written(slow, todo);
  answered();
  only<gather>();
  groups.gathered(todo);
  EXPECT_EQ(only<wait>().length, slow / 2);

  add(3);
  EXPECT_TRUE(todo.empty()) << "one of two is missing";
  add(4);
  EXPECT_THAT(gathered().changes, ElementsAre(3, 4));
}

TEST_F(CommitGroups, WaitsForHalfTheTimeOfTheSlowCommitAtMost) {
  add(1);
  add(2);
  gathered();
  groups.written(slow, todo);
  answered();
  only<gather>();
  groups.gathered(todo);
  const auto waiting = only<wait>();
  add(3);
  groups.waited(waiting.number, todo);
  EXPECT_THAT(only<write_group>().changes, ElementsAre(3));

  groups.waited(waiting.number, todo);
  EXPECT_TRUE(todo.empty()) << "that wait was over";
}

TEST_F(CommitGroups, WaitsForNobodyWhereNothingIsSynced) {
  commit_groups unsynced{0, false};
  unsynced.add(1, putting("a"), false, todo);
  only<gather>();
  unsynced.gathered(todo);
  EXPECT_FALSE(only<write_group>().synced);
  unsynced.written(slow, todo);
  only<answer_changes>();
}

TEST_F(CommitGroups, TakesNothingMoreOnceAGroupHasFailed) {
  add(1, true);
  gathered();
  add(2);
  groups.note(putting("note"));
  groups.failed({reason::disk_full, "no room"}, false, todo);

  ASSERT_EQ(todo.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& told = std::get<answer_changes>(todo[i]);
    EXPECT_THAT(told.to, ElementsAre(i + 1));
    EXPECT_EQ(told.why, (failure{reason::disk_full, "no room"}));
  }
  todo.clear();
  add(3);
  EXPECT_EQ(only<answer_changes>().why->why, reason::disk_full);
  EXPECT_EQ(groups.own_changes(), 7u);
}

TEST_F(CommitGroups, SaysThatNobodyKnowsOfAGroupThatMayBeThere) {
  add(1);
  gathered();
  add(2);
  groups.failed({reason::disk_failed, "the sync failed"}, true, todo);
  EXPECT_EQ(std::get<answer_changes>(todo[0]).why->why, reason::write_unknown);
  EXPECT_EQ(std::get<answer_changes>(todo[1]).why->why, reason::disk_failed)
      << "of this one it is certain";
}

TEST_F(CommitGroups, FailsThoseThatWaitWhenSomethingElseFails) {
  add(1);
  only<gather>();
  groups.give_up({reason::disk_failed, "gone"}, todo);
  EXPECT_THAT(only<answer_changes>().to, ElementsAre(1));
  groups.gathered(todo);
  EXPECT_TRUE(todo.empty()) << "nothing is left to be written";
}

} // namespace
} // namespace starling::keyspace
