#include "storage/lost_keys.hpp"
#include "storage/memory_store.hpp"
#include "storage/reading.hpp"
#include "tests/storage/bytes_of_row.hpp"

#include <gtest/gtest.h>

namespace starling::storage {
namespace {

const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};
const auto ann = crdt::replica_id::from(1, 1);
const crdt::key fruits{crdt::type::set, "fruits"};
const crdt::key visitors{crdt::type::counter, "visitors"};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

/// A store with a set of these members, of which the last was removed again, and a counter.
class Reading : public testing::Test {
protected:
  Reading() {
    held_value set{fruits};
    for (const auto* name : {"apple", "cherry", "fig", "pear", "plum"}) {
      change(set, crdt::set_change{{{text(name), std::nullopt}}, {}});
      value = set.value();
    }
    change(set, crdt::set_change{{}, {{text("plum"), std::nullopt}}});
    // Somebody knows of an event of Ben's and its end: a row that holds nobody.
    change(set, crdt::set_change{{}, {{text("quince"), {{{crdt::replica_id::from(2, 2), 7}}}}}});
    value = set.value();
    held_value counter{visitors};
    change(counter, crdt::counter_add{5});
  }

  void change(held_value& v, const crdt::command& c) {
    batch changed;
    v.apply(c, ann, 0, digests, &changed);
    EXPECT_FALSE(rows.commit({changed}, true));
  }

  void put(std::string name, std::string bytes) {
    batch b;
    b.put(std::move(name), std::move(bytes));
    EXPECT_FALSE(rows.commit({b}, true));
  }

  std::vector<std::string> page(const std::optional<std::string>& after, std::size_t limit,
                                bool more) {
    const crdt::member_page wanted{after, limit};
    const auto seen = std::get<0>(read_page(*rows.now(), fruits, wanted)).value();
    EXPECT_EQ(seen, crdt::view_of(value, wanted));
    const auto& found = std::get<crdt::page_view>(seen);
    EXPECT_EQ(found.next.has_value(), more);
    std::vector<std::string> names;
    for (const auto& [member, observed] : found.shown.members)
      names.push_back(member.data);
    return names;
  }

  trouble trouble_of_value(const crdt::key& key) {
    const auto read = read_value(*rows.now(), key, UINT64_MAX, digests);
    const auto* why = std::get_if<failure>(&read);
    EXPECT_TRUE(why != nullptr) << "it was read";
    return why ? why->kind : trouble::broken;
  }

  memory_store rows;
  crdt::value value;
};

using names = std::vector<std::string>;

TEST_F(Reading, FindsNothingOfAKeyThatWasNeverWritten) {
  for (const auto& key : {crdt::key{crdt::type::set, "x"}, crdt::key{crdt::type::counter, "x"}})
    EXPECT_FALSE(std::get<0>(read_value(*rows.now(), key, 0, digests)));
  EXPECT_FALSE(std::get<0>(read_page(*rows.now(), {crdt::type::set, "x"}, {})));
}

TEST_F(Reading, LeavesTheRowsOfALargeSetWhereTheyAre) {
  const auto footprint = value.footprint();
  EXPECT_TRUE(std::get<0>(read_value(*rows.now(), fruits, footprint, digests))->is_whole());
  const auto part = std::get<0>(read_value(*rows.now(), fruits, footprint - 1, digests));
  EXPECT_FALSE(part->is_whole());
  EXPECT_TRUE(part->value().as<crdt::or_set>().rows().empty());
  EXPECT_EQ(part->members(), 4u);
  EXPECT_EQ(part->footprint(), footprint);
  EXPECT_TRUE(std::get<0>(read_value(*rows.now(), visitors, 0, digests))->is_whole());
}

TEST_F(Reading, GoesThroughASetInPages) {
  EXPECT_EQ(page(std::nullopt, 2, true), (names{"apple", "cherry"}));
  EXPECT_EQ(page("cherry", 2, false), (names{"fig", "pear"}));
  EXPECT_EQ(page("banana", 1, true), (names{"cherry"}));
  EXPECT_EQ(page("p", 1, false), (names{"pear"}));
  EXPECT_EQ(page("pear", 2, false), names{});
  EXPECT_EQ(page(std::nullopt, 4, false), (names{"apple", "cherry", "fig", "pear"}));
}

TEST_F(Reading, ListsTheKeysThatAQueryAsksFor) {
  const auto list = [&](const crdt::key_query& q) {
    return std::get<0>(list_keys(*rows.now(), q)).value();
  };
  using keys = std::vector<crdt::key>;
  EXPECT_EQ(list({.limit = 10}), (keys{visitors, fruits}));
  EXPECT_EQ(list({.limit = 1}), (keys{visitors}));
  EXPECT_EQ(list({.after = visitors, .limit = 10}), (keys{fruits}));
  EXPECT_EQ(list({.after = fruits, .limit = 10}), keys{});
  EXPECT_EQ(list({.type = crdt::type::set, .limit = 10}), (keys{fruits}));
  EXPECT_EQ(list({.prefix = "vis", .limit = 10}), (keys{visitors}));
  EXPECT_EQ(list({.prefix = "visitors!", .limit = 10}), keys{});
}

TEST_F(Reading, ListsNoKeysAmongWhichOneMayBeLost) {
  lost_keys lost;
  lost.add({crdt::type::counter, "zebras"}); // between the two that there are
  batch noted;
  storage::put(noted, lost);
  EXPECT_FALSE(rows.commit({noted}, true));
  const auto lists = [&](const crdt::key_query& q) {
    return std::get<0>(list_keys(*rows.now(), q)).has_value();
  };
  EXPECT_FALSE(lists({.limit = 10}));
  EXPECT_FALSE(lists({.limit = 2}));
  EXPECT_FALSE(lists({.after = visitors, .limit = 1}));
  EXPECT_FALSE(lists({.prefix = "z", .limit = 10}));
  EXPECT_TRUE(lists({.limit = 1})) << "it comes after that page";
  EXPECT_TRUE(lists({.prefix = "v", .limit = 10}));
  EXPECT_TRUE(lists({.type = crdt::type::set, .limit = 10}));
  EXPECT_TRUE(lists({.after = crdt::key{crdt::type::counter, "zebras"}, .limit = 10}));
  EXPECT_FALSE(forget_lost_keys(rows));
  EXPECT_TRUE(lists({.limit = 10}));
}

TEST_F(Reading, GoesThroughTheDigestsOfAllKeysInPages) {
  const auto all = std::get<0>(read_digests(*rows.now(), std::nullopt, 10)).keys;
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].first, visitors);
  EXPECT_EQ(all[1], std::pair(fruits, digests.digest_of(fruits, value)));
  EXPECT_EQ(std::get<0>(read_digests(*rows.now(), std::nullopt, 1)), (digests_page{{all[0]}}));
  EXPECT_EQ(std::get<0>(read_digests(*rows.now(), all[0].first, 10)), (digests_page{{all[1]}}));
}

TEST_F(Reading, RefusesAValueThatDoesNotMatchItsDigest) {
  const auto row = head_name(visitors);
  auto bytes = *std::get<0>(rows.now()->find(row));
  bytes[3] ^= 1;
  put(row, bytes);
  EXPECT_EQ(trouble_of_value(visitors), trouble::corrupted);
}

TEST_F(Reading, TakesNewerFormatsForNoDamage) {
  for (const auto& [key, format_at] : {std::pair{visitors, 16}, {fruits, 16 + 3}}) {
    auto bytes = *std::get<0>(rows.now()->find(head_name(key)));
    ASSERT_EQ(bytes[format_at], 1);
    bytes[format_at] = 2;
    put(head_name(key), bytes);
    EXPECT_EQ(trouble_of_value(key), trouble::unknown);
  }
  EXPECT_EQ(std::get<failure>(read_page(*rows.now(), fruits, {std::nullopt, 9})).kind,
            trouble::unknown);
  EXPECT_EQ(std::get<0>(list_keys(*rows.now(), {.limit = 9}))->size(), 2u) << "they are here";
  EXPECT_EQ(std::get<0>(read_digests(*rows.now(), std::nullopt, 9)), (digests_page{{}, 2}));
}

TEST_F(Reading, CountsTheKeysOfUnknownTypes) {
  const std::string digest(16, '\1');
  const auto high = static_cast<crdt::type>(200);
  put(head_name({high, "peak"}), digest + "\1\xc8\7");
  put(head_name({high, "worst"}), digest + "what a later version keeps");
  put(head_name({crdt::type::counter, "visits"}), digest + std::string{"\2 of a later version"});
  std::vector expected{visitors, fruits};
  std::ranges::sort(expected, {}, head_name);
  for (const std::size_t limit : {1, 2, 10}) {
    std::vector<crdt::key> known;
    std::uint64_t unknown = 0;
    for (bool is_last = false; !is_last;) {
      const auto after = known.empty() ? std::nullopt : std::optional{known.back()};
      const auto page = std::get<0>(read_digests(*rows.now(), after, limit));
      for (const auto& one : page.keys)
        known.push_back(one.first);
      unknown += page.unknown;
      is_last = page.keys.empty();
    }
    EXPECT_EQ(known, expected);
    EXPECT_EQ(unknown, 3u) << "each once";
  }
}

TEST_F(Reading, RefusesRowsThatCannotBeRead) {
  put(head_name(visitors), "x");
  EXPECT_EQ(trouble_of_value(visitors), trouble::corrupted);
  put(member_name(fruits, text("apple")), "x");
  EXPECT_EQ(trouble_of_value(fruits), trouble::corrupted);
  EXPECT_EQ(std::get<failure>(read_rows(*rows.now(), fruits, {{text("apple")}, {}, {}})).kind,
            trouble::corrupted);
  EXPECT_EQ(std::get<failure>(read_page(*rows.now(), fruits, {std::nullopt, 9})).kind,
            trouble::corrupted);
  put("k", "x");
  EXPECT_EQ(std::get<failure>(read_digests(*rows.now(), std::nullopt, 9)).kind, trouble::corrupted);
}

TEST_F(Reading, RefusesAMemberThatItsSetHasNotSeen) {
  put(member_name(fruits, text("apple")), bytes_of_row({{ann, 1000, true}}));
  EXPECT_EQ(trouble_of_value(fruits), trouble::corrupted);
  put(member_name(fruits, text("apple")), bytes_of_row({{ann, 1, false}}));
  EXPECT_EQ(trouble_of_value(fruits), trouble::corrupted);
}

} // namespace
} // namespace starling::storage
