// What is saved of damaged rows: by rows with holes in them.

#include "storage/identity.hpp"
#include "storage/salvage.hpp"
#include "storage/tally_rows.hpp"
#include "tests/storage/holed_snapshot.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace starling::storage {
namespace {

using crdt::type;

const auto own_id = crdt::replica_id::from(1, 1);
const auto other_id = crdt::replica_id::from(2, 2);
const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

class Salvage : public testing::Test {
protected:
  Salvage() {
    EXPECT_FALSE(renew_digests(rows, digests));
    EXPECT_TRUE(std::holds_alternative<taken_up>(adopt_replica(rows, {}, true, own_id)));
  }

  void apply(const crdt::key& key, const crdt::command& c) {
    auto value = held(key, rows);
    batch changed;
    value.apply(c, own_id, 1, digests, &changed);
    EXPECT_FALSE(rows.commit({changed}, true));
  }

  static held_value held(const crdt::key& key, const store& in) {
    auto read = read_value(*in.now(), key, UINT64_MAX, digests);
    EXPECT_TRUE(std::holds_alternative<std::optional<held_value>>(read));
    auto kept = std::get<0>(std::move(read));
    return kept ? std::move(*kept) : held_value{key};
  }

  void add_to_set(const std::string& set, const std::vector<std::string>& members) {
    crdt::set_change change;
    for (const auto& member : members)
      change.add.push_back({text(member), {}});
    apply({type::set, set}, change);
  }

  salvaged save(const holed_snapshot& damaged, const replication::digester& d = digests,
                loss shows = loss::fails) {
    auto result = salvage({damaged}, target, d, shows);
    EXPECT_TRUE(std::holds_alternative<salvaged>(result));
    return std::get<salvaged>(std::move(result));
  }

  /// What becomes of the rows of the replica id if nobody may go on under it.
  static void give_up_id(memory_store::rows& in) {
    EXPECT_EQ(in.erase(replica_row()), 1u);
    batch change;
    put_tally(change, {own_id, given_up_for_good});
    memory_store given_up;
    EXPECT_FALSE(given_up.commit({change}, true));
    in.merge(given_up.contents());
  }

  /// Everything of a set in the rows of one letter.
  static holed_snapshot::hole all_of(char letter, const std::string& set) {
    auto [first, end] = members_between({type::set, set});
    first[0] = end[0] = letter;
    return {first, end};
  }

  static holed_snapshot::hole row(const std::string& name) { return {name, name + '\0'}; }

  memory_store rows;
  memory_store target;
};

const crdt::key one{type::counter, "one"};
const crdt::key two{type::counter, "two"};
const crdt::key six{type::counter, "six"};
const crdt::key fruits{type::set, "fruits"};
const crdt::key colours{type::set, "colours"};

TEST_F(Salvage, CopiesWhatIsWholeButForTheReplicaId) {
  apply(one, crdt::counter_add{1});
  apply({type::register_, "name"}, crdt::register_assign{text("x")});
  add_to_set("fruits", {"apple", "pear"});
  apply(fruits, crdt::set_change{{}, {{text("pear"), {}}}});

  const auto result = save(holed_snapshot{rows.contents()});

  EXPECT_EQ(result.kept, 3u);
  EXPECT_TRUE(result.lost.empty());
  auto expected = rows.contents();
  give_up_id(expected);
  EXPECT_EQ(target.contents(), expected);
}

// Heads stand in the order of their slots; the list says which keys had theirs in the gap.
TEST_F(Salvage, LosesTheKeysWhoseHeadsCannotBeRead) {
  std::vector<crdt::key> keys;
  for (int i = 0; i < 20; ++i)
    keys.push_back({type::counter, std::to_string(i)});
  std::ranges::sort(keys, {}, head_name);
  for (const auto& key : keys)
    apply(key, crdt::counter_add{7});
  holed_snapshot damaged{rows.contents()};
  damaged.add({head_name(keys[5]), head_name(keys[9])});

  const auto result = save(damaged);

  EXPECT_EQ(result.kept, 16u);
  EXPECT_FALSE(result.is_all_there);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool is_lost = 5 <= i && i < 9;
    EXPECT_EQ(result.lost.contains(keys[i]), is_lost) << i;
    EXPECT_EQ(held(keys[i], target).empty(), is_lost) << i;
  }
  EXPECT_FALSE(result.lost.contains({type::counter, "one that was never there"}));
  EXPECT_EQ(std::get<lost_keys>(read_lost_keys(*target.now())), result.lost);
}

TEST_F(Salvage, TakesKeysForLostWhereTheListCannotBeReadEither) {
  std::vector<crdt::key> keys;
  for (const auto* name : {"a", "b", "c", "d", "e"})
    keys.push_back({type::counter, name});
  for (const auto& key : keys)
    apply(key, crdt::counter_add{7});
  holed_snapshot damaged{rows.contents()};
  damaged.add({listed_name(keys[1]), listed_name(keys[3])});
  EXPECT_TRUE(save(damaged).lost.empty()) << "the heads say it all";
  EXPECT_EQ(target.contents().count(listed_name(keys[1])), 1u) << "it is made anew";
  damaged.add(row(head_name(keys[2])));
  memory_store other;

  const auto result = std::get<salvaged>(salvage({damaged}, other, digests, loss::fails));

  EXPECT_EQ(result.kept, 4u);
  for (const auto* name : {"b", "bx", "c", "cx"})
    EXPECT_TRUE(result.lost.contains({type::counter, name})) << name;
  for (const auto* name : {"a", "d", "e"})
    EXPECT_FALSE(result.lost.contains({type::counter, name})) << name;
}

TEST_F(Salvage, KeepsTheReplicaIdOnlyIfItMayAndNoDamageIsMet) {
  apply(one, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  const auto all = rows.contents();
  const holed_snapshot sound{all};
  EXPECT_TRUE(
      std::get<salvaged>(salvage({sound, present_layout(), true}, target, digests, loss::fails))
          .has_replica);
  EXPECT_EQ(target.contents(), all);
  auto lacking = all;
  lacking.erase(member_name(fruits, text("pear")));
  for (const auto& hole : {row(head_name(one)), row(member_name(fruits, text("pear"))),
                           row(node_row("x")), holed_snapshot::hole{"q", "r"}, row("")}) {
    holed_snapshot damaged{hole.end == std::string{'\0'} ? lacking : all};
    damaged.add(hole);
    memory_store other;
    const auto result =
        std::get<salvaged>(salvage({damaged, present_layout(), true}, other, digests, loss::fails));
    EXPECT_FALSE(result.is_all_there);
    EXPECT_FALSE(result.has_replica);
    EXPECT_EQ(other.contents().count(replica_row()), 0u);
  }
}

TEST_F(Salvage, GivesUpTheOldReplicaIdForGoodHoweverFarItGot) {
  apply(one, crdt::counter_add{1});
  save(holed_snapshot{rows.contents()});
  const std::vector<replication::tally> expected{{own_id, given_up_for_good}};
  EXPECT_EQ(*read_tallies(*target.now()), expected) << "an older copy of the disk must hear of it";
}

TEST_F(Salvage, LosesASetWithTheFirstOfItsMembers) {
  add_to_set("fruits", {"apple", "pear", "plum"});
  add_to_set("colours", {"red"});
  holed_snapshot damaged{rows.contents()};
  damaged.add(row(member_name(fruits, text("pear"))));

  const auto result = save(damaged);

  EXPECT_TRUE(result.lost.contains(fruits));
  EXPECT_TRUE(held(fruits, target).empty());
  EXPECT_FALSE(result.lost.contains(colours));
  EXPECT_EQ(held(colours, target).digest(), held(colours, rows).digest());
  for (const auto& [name, value] : target.contents())
    EXPECT_NE(key_of_row(name), fruits) << "a row is left over";
}

TEST_F(Salvage, MakesTheRowsOfEventsAnew) {
  add_to_set("fruits", {"apple", "pear"});
  holed_snapshot damaged{rows.contents()};
  damaged.add(all_of('e', "fruits"));

  EXPECT_TRUE(save(damaged).lost.empty());

  auto expected = rows.contents();
  give_up_id(expected);
  EXPECT_EQ(target.contents(), expected);
}

TEST_F(Salvage, LosesWhatIsNotWhatWasWritten) {
  for (const auto& key : {one, two, six})
    apply(key, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  add_to_set("colours", {"red", "blue"});
  auto wrong = rows.contents();
  wrong[head_name(one)] = "nonsense";
  wrong[head_name(two)] = wrong[head_name(six)].substr(0, 16) + wrong[head_name(two)].substr(16);
  wrong[member_name(fruits, text("pear"))] = wrong[member_name(fruits, text("apple"))];
  wrong.erase(member_name(colours, text("red")));

  const auto result = save(holed_snapshot{wrong});

  EXPECT_EQ(result.kept, 1u);
  for (const auto& key : {one, two, fruits, colours})
    EXPECT_TRUE(result.lost.contains(key)) << key.name;
  EXPECT_FALSE(result.lost.contains(six));
}

TEST_F(Salvage, TakesDigestsOfAnotherSecretForNothing) {
  apply(one, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  const replication::digester other{wire::secret{"cluster", "another"}.sign("digest", {})};

  EXPECT_EQ(save(holed_snapshot{rows.contents()}, other).kept, 2u);
  EXPECT_EQ(std::get<digest_secret>(secret_of_digests(*target.now(), other)),
            digest_secret::another)
      << "they are to be renewed";
}

TEST_F(Salvage, TakesNoSetForWholeOfAnotherSecretWhoseMembersAreNotAllThere) {
  add_to_set("fruits", {"apple", "pear"});
  add_to_set("colours", {"red", "blue"});
  const replication::digester other{wire::secret{"cluster", "another"}.sign("digest", {})};
  auto left = rows.contents();
  left.erase(member_name(fruits, text("pear")));

  const auto result = save(holed_snapshot{left}, other);

  EXPECT_EQ(result.kept, 1u);
  EXPECT_TRUE(result.lost.contains(fruits));
  EXPECT_FALSE(result.lost.contains(colours));
}

TEST_F(Salvage, TakesAnyKeyForLostWhereRowsAreMissingInSilence) {
  apply(one, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  add_to_set("colours", {"red", "blue"});
  auto left = rows.contents();
  left.erase(member_name(fruits, text("pear")));
  left.erase(head_name(one));

  const auto result = save(holed_snapshot{left}, digests, loss::silent);

  EXPECT_EQ(result.kept, 1u);
  EXPECT_TRUE(held(fruits, target).empty()) << "others would take the pear for removed";
  EXPECT_EQ(held(colours, target).digest(), held(colours, rows).digest());
  for (const auto& key : {one, two, fruits, colours})
    EXPECT_TRUE(result.lost.contains(key)) << key.name;
  EXPECT_EQ(std::get<lost_keys>(read_lost_keys(*target.now())), result.lost);
}

TEST_F(Salvage, FailsWhereRowsAreMissingInSilenceAndNothingShowsWhatIsWhole) {
  add_to_set("fruits", {"apple", "pear"});
  const replication::digester other{wire::secret{"cluster", "another"}.sign("digest", {})};
  const auto shown = rows.now();
  const auto result = salvage({*shown}, target, other, loss::silent);
  ASSERT_TRUE(std::holds_alternative<failure>(result));
  EXPECT_NE(std::get<failure>(result).what.find("another cluster.key"), std::string::npos);
}

TEST_F(Salvage, KeepsWhatTheDigestsOfOurSecretVouchForWhereNoRowSaysWhoseTheyAre) {
  add_to_set("fruits", {"apple", "pear"});
  add_to_set("colours", {"red", "blue"});
  const auto secret = node_row("secret");
  ASSERT_EQ(rows.contents().count(secret), 1u);
  auto left = rows.contents();
  left.erase(member_name(fruits, text("pear")));
  for (const bool is_missing : {true, false}) {
    if (is_missing)
      left.erase(secret);
    else
      left[secret] = rows.contents().at(secret);
    holed_snapshot damaged{left};
    if (!is_missing)
      damaged.add(row(secret));
    memory_store fresh;

    const auto result = std::get<salvaged>(salvage({damaged}, fresh, digests, loss::fails));

    EXPECT_EQ(result.kept, 1u);
    EXPECT_TRUE(result.lost.contains(fruits));
    EXPECT_EQ(result.lost.contains(colours), is_missing) << "other rows may be missing, too";
    EXPECT_FALSE(renew_digests(fresh, digests)) << "it is known again";
  }
}

TEST_F(Salvage, KeepsWhatWasLostBefore) {
  lost_keys before;
  before.add(one);
  batch noted;
  put(noted, before);
  ASSERT_FALSE(rows.commit({noted}, true));
  apply(two, crdt::counter_add{1});
  holed_snapshot damaged{rows.contents()};
  damaged.add(row(head_name(two)));

  const auto result = save(damaged);

  EXPECT_TRUE(result.lost.contains(one));
  EXPECT_TRUE(result.lost.contains(two));
  EXPECT_FALSE(result.lost.contains({type::counter, "twofold"}));
}

TEST_F(Salvage, TakesAnyKeyForLostWhereThatCannotBeRead) {
  apply(two, crdt::counter_add{1});
  for (const auto which : {lost_copy::first, lost_copy::second}) {
    const auto [first, end] = all_lost_rows(which);
    holed_snapshot damaged{rows.contents()};
    damaged.add({first, end});
    memory_store other;
    const auto result = salvage({damaged}, other, digests, loss::fails);
    EXPECT_TRUE(std::get<salvaged>(result).lost.empty()) << "it is there twice";
  }
  holed_snapshot damaged{rows.contents()};
  for (const auto which : {lost_copy::first, lost_copy::second}) {
    const auto [first, end] = all_lost_rows(which);
    damaged.add({first, end});
  }

  const auto result = save(damaged);

  EXPECT_TRUE(result.lost.contains(one));
  EXPECT_TRUE(result.lost.contains(two));
  EXPECT_FALSE(held(two, target).empty()) << "it is not lost, but nobody knows that";
}

TEST_F(Salvage, KeepsRowsOfLaterVersionsAsTheyAre) {
  apply(one, crdt::counter_add{1});
  apply(two, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  add_to_set("colours", {"red"});
  auto written = rows.contents();
  written[head_name(two)][16] = 2; // the format of its value
  written[head_name(fruits)][16 + 3] = 2;
  const crdt::key high{static_cast<type>(200), "peak"};
  written[head_name(high)] = "a head of a type that is not known";
  written[listed_name(high)] = "";
  written[member_name(high, text("x"))] = "a row of it";
  written[index_name(high, {own_id, 7, true})] = "another one";
  written["q\4peak"] = "a row beside it";
  written["\xf0"] = "another";
  holed_snapshot damaged{written};
  damaged.add(row(head_name(colours)));

  const auto result = save(damaged);

  EXPECT_EQ(result.kept, 1u);
  EXPECT_TRUE(result.lost.contains(colours));
  give_up_id(written);
  for (const auto& name : {head_name(colours), listed_name(colours)})
    written.erase(name);
  std::erase_if(written, [](const auto& r) { return key_of_row(r.first) == colours; });
  auto saved = target.contents();
  std::erase_if(saved, [](const auto& r) { return r.first[0] == 'a' || r.first[0] == 'z'; });
  EXPECT_EQ(saved, written);
}

TEST_F(Salvage, TakesAValueWhoseDigestIsStillToBeMadeForWhole) {
  apply(one, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  auto written = rows.contents();
  for (const auto& key : {one, fruits})
    written[head_name(key)] = without_digest(written[head_name(key)]);

  EXPECT_EQ(save(holed_snapshot{written}).kept, 2u);
}

TEST_F(Salvage, FailsWhereSomethingElseIsWrong) {
  apply(one, crdt::counter_add{1});
  add_to_set("fruits", {"apple", "pear"});
  for (const auto& name : {head_name(one), member_name(fruits, text("apple"))}) {
    holed_snapshot damaged{rows.contents()};
    damaged.add(row(name), trouble::broken);
    memory_store other;
    const auto result = salvage({damaged}, other, digests, loss::fails);
    ASSERT_TRUE(std::holds_alternative<failure>(result));
    EXPECT_EQ(std::get<failure>(result).kind, trouble::broken);
  }
  target.break_down({trouble::full, "no room"});
  const holed_snapshot sound{rows.contents()};
  const auto result = salvage({sound}, target, digests, loss::fails);
  ASSERT_TRUE(std::holds_alternative<failure>(result));
  EXPECT_EQ(std::get<failure>(result).kind, trouble::full);
}

// Whatever the holes are: each key is as it was, or lost; and with one of them it is lost only if
// it has a row there.
TEST_F(Salvage, KeepsWhatHasNoRowInAHole) {
  std::mt19937 random{1};
  const auto chance = [&](std::size_t below) { return random() % below; };
  std::vector<crdt::key> keys;
  for (int i = 0; i < 40; ++i) {
    const auto name =
        std::string(1 + chance(3), static_cast<char>('a' + chance(4))) + std::to_string(chance(30));
    if (i % 4 == 0) {
      add_to_set(name, {"m" + std::to_string(chance(9)), "n", "o" + std::to_string(chance(9))});
      keys.push_back({type::set, name});
    } else {
      apply({type::counter, name}, crdt::counter_add{1});
      keys.push_back({type::counter, name});
    }
  }
  const auto all = rows.contents();
  const auto any_name = [&] {
    auto name = std::next(all.begin(), static_cast<std::ptrdiff_t>(chance(all.size())))->first;
    if (chance(2) == 0)
      name.resize(1 + chance(name.size()));
    return name;
  };
  for (int round = 0; round < 300; ++round) {
    holed_snapshot damaged{all};
    const auto holes = 1 + chance(3);
    for (std::size_t i = 0; i < holes; ++i) {
      auto [first, end] = std::minmax({any_name(), any_name()});
      if (chance(2) == 0) // a small one
        end = first + static_cast<char>(chance(256));
      damaged.add({first, end + '\0'});
    }
    memory_store fresh;
    const auto result = std::get<salvaged>(salvage({damaged}, fresh, digests, loss::fails));
    for (const auto& key : keys) {
      const auto head = head_name(key);
      const auto [first, end] = members_between(key);
      const bool is_hit = damaged.has_hole_in(head, head + '\0') ||
                          (key.type == type::set && damaged.has_hole_in(first, end));
      const bool is_here = !held(key, fresh).empty();
      EXPECT_TRUE(is_here || result.lost.contains(key)) << key.name << " vanished in " << round;
      if (is_here) {
        EXPECT_EQ(held(key, fresh).value(), held(key, rows).value());
      }
      EXPECT_FALSE(is_here && is_hit) << key.name << " of half its rows in " << round;
      EXPECT_TRUE(is_here || is_hit || holes > 1)
          << key.name << " was lost for nothing in " << round;
    }
  }
}

} // namespace
} // namespace starling::storage
