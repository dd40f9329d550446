#include "keyspace/numbering.hpp"
#include "storage/kept_since.hpp"
#include "storage/memory_store.hpp"

#include <gtest/gtest.h>

#include <gmock/gmock.h>
#include <map>

namespace starling::keyspace {
namespace {

using cause = storage::renewal::cause;
using crdt::replica_id;
using replication::session_id;
using testing::ElementsAre;
using testing::IsEmpty;

const replica_id old_id = replica_id::from(1, 1);
const replica_id second_id = replica_id::from(2, 2);
const replica_id third_id = replica_id::from(3, 3);
const failure no_room{reason::disk_full, "no room"};

class Numbering : public testing::Test {
protected:
  void open(bool is_certain = false, std::vector<replication::tally> former = {}) {
    core.emplace(numbering::settings{.replica = old_id,
                                     .session = {9},
                                     .changes = 5,
                                     .former = std::move(former),
                                     .is_certain = is_certain,
                                     .is_careful = true});
  }

  void ask(id_ticket who, const replica_id& fresh = second_id) { core->ask(who, fresh, todo); }

  void give_up(const replica_id& lost, const replica_id& fresh,
               std::optional<id_ticket> who = std::nullopt, cause why = cause::set_back) {
    core->give_up(lost, {why, "a reason"}, fresh, who, todo);
  }

  /// Takes all effects of a kind.
  template <class Effect>
  std::vector<Effect> all() {
    std::vector<Effect> result;
    std::erase_if(todo, [&](auto& one) {
      auto* found = std::get_if<Effect>(&one);
      if (found != nullptr)
        result.push_back(std::move(*found));
      return found != nullptr;
    });
    return result;
  }

  /// Who is told which id; nothing for a failure.
  std::map<id_ticket, std::optional<replica_id>> answered() {
    std::map<id_ticket, std::optional<replica_id>> result;
    for (auto& one : all<answer_id>()) {
      const auto* id = std::get_if<replica_id>(&one.what);
      result.emplace(one.to, id == nullptr ? std::nullopt : std::optional{*id});
    }
    return result;
  }

  using answers = std::map<id_ticket, std::optional<replica_id>>;

  /// Carries out the only `keep_id`.
  replica_id keep() {
    auto kept = all<keep_id>();
    EXPECT_EQ(kept.size(), 1u);
    EXPECT_FALSE(rows.commit({kept.at(0).change}, true));
    core->kept(todo);
    return kept.at(0).id;
  }

  std::optional<numbering> core;
  numbering_effects todo;
  storage::memory_store rows;
};

TEST_F(Numbering, BeginsAtOnceUnderAnIdThatIsCertain) {
  open(true);
  ask(1);
  EXPECT_EQ(answered(), (answers{{1, old_id}}));
}

TEST_F(Numbering, HoldsWhoeverAsksUntilTheIdIsConfirmed) {
  open();
  ask(1);
  ask(2);
  EXPECT_THAT(todo, IsEmpty());
  EXPECT_TRUE(core->holds_anybody());
  EXPECT_FALSE(core->is_certain());

  core->confirmed(todo);
  EXPECT_EQ(answered(), (answers{{1, old_id}, {2, old_id}}));
  EXPECT_FALSE(core->holds_anybody());
  ask(3);
  EXPECT_EQ(answered(), (answers{{3, old_id}}));
}

TEST_F(Numbering, TakesAnotherIdInDoubtOnceSomebodyAsks) {
  open();
  core->doubted(second_id, todo);
  EXPECT_THAT(todo, IsEmpty());
  EXPECT_TRUE(core->is_doubtful());

  ask(1);
  EXPECT_THAT(answered(), IsEmpty()) << "the id is not on the disk yet";
  EXPECT_FALSE(core->is_certain());
  EXPECT_EQ(keep(), second_id);
  EXPECT_EQ(all<number_under>().at(0).why.what, cause::not_confirmed);
  EXPECT_EQ(answered(), (answers{{1, second_id}}));
  EXPECT_TRUE(core->is_certain());
}

TEST_F(Numbering, TakesAnotherIdInDoubtAtOnceForThoseWhoAreHeld) {
  open();
  ask(1);
  core->doubted(second_id, todo);
  keep();
  EXPECT_EQ(answered(), (answers{{1, second_id}}));
}

TEST_F(Numbering, IsConfirmedAfterADoubtThatCostNothing) {
  open();
  core->doubted(second_id, todo);
  core->confirmed(todo);
  ask(1);
  EXPECT_EQ(answered(), (answers{{1, old_id}}));
}

TEST_F(Numbering, KeepsHowFarAnIdGotThatNobodyConfirmed) {
  open(false, {{third_id, 4}});
  ask(1);
  core->doubted(second_id, todo);
  keep();
  const std::vector<replication::tally> expected{{third_id, 4}, {old_id, 5}};
  EXPECT_EQ(*storage::read_former_ids(*rows.now()), expected);
}

TEST_F(Numbering, VouchesForThisSessionOnlyOnceSomethingIsLost) {
  open(false, {{third_id, 4}});
  give_up(old_id, second_id);
  keep();
  EXPECT_THAT(*storage::read_former_ids(*rows.now()), IsEmpty());
  EXPECT_EQ(*storage::adopt_kept_since(rows, {10}), session_id{9});
  EXPECT_EQ(core->replica(), second_id);
}

TEST_F(Numbering, HoldsWhoeverAsksWhileAnotherIdIsBeingKept) {
  open(true);
  give_up(old_id, second_id, 1);
  ask(2);
  core->confirmed(todo);
  EXPECT_THAT(answered(), IsEmpty()) << "the id that counts next is under way";
  keep();
  EXPECT_EQ(answered(), (answers{{1, second_id}, {2, second_id}}));
}

TEST_F(Numbering, GivesUpAnIdOnceForAllWhoSaySo) {
  open(true);
  give_up(old_id, second_id, 1);
  give_up(old_id, third_id, 2);
  EXPECT_EQ(keep(), second_id);
  EXPECT_EQ(answered(), (answers{{1, second_id}, {2, second_id}}));
  EXPECT_EQ(all<number_under>().size(), 1u);

  give_up(old_id, third_id, 3);
  EXPECT_EQ(answered(), (answers{{3, second_id}})) << "that is known";
  EXPECT_THAT(todo, IsEmpty());
}

TEST_F(Numbering, HeedsALossThatIsFoundWhileAnotherIdIsBeingKept) {
  open();
  ask(1);
  core->doubted(second_id, todo);
  give_up(old_id, third_id, 2);
  EXPECT_EQ(keep(), second_id);
  EXPECT_THAT(answered(), IsEmpty());
  EXPECT_EQ(keep(), third_id);
  EXPECT_EQ(answered(), (answers{{1, third_id}, {2, third_id}}));
  EXPECT_EQ(*storage::adopt_kept_since(rows, {10}), session_id{9});
  EXPECT_THAT(*storage::read_former_ids(*rows.now()), IsEmpty());
}

TEST_F(Numbering, HeedsAnIdThatItGaveUpForLackOfAnAnswer) {
  open();
  ask(1);
  core->doubted(second_id, todo);
  keep();
  answered();
  give_up(old_id, third_id, 2);
  EXPECT_EQ(keep(), third_id);
  EXPECT_EQ(answered(), (answers{{2, third_id}}));
}

TEST_F(Numbering, NumbersNothingOnceTheDiskHasFailed) {
  open();
  ask(1);
  give_up(old_id, second_id, 2);
  core->failed(no_room, todo);
  EXPECT_EQ(answered(), (answers{{1, std::nullopt}, {2, std::nullopt}}));
  all<keep_id>();

  ask(3);
  give_up(old_id, third_id, 4);
  core->confirmed(todo);
  core->doubted(third_id, todo);
  EXPECT_EQ(answered(), (answers{{3, std::nullopt}, {4, std::nullopt}}));
  EXPECT_THAT(todo, IsEmpty());
}

} // namespace
} // namespace starling::keyspace
