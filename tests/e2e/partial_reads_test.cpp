// Reads that do not show all: pages of sets, single members, lists of keys. They are seen through a
// node that was told of everything by another one.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

namespace starling::e2e {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

/// A parameter's value as a client writes it.
std::string escaped(const std::string& text) {
  return httplib::detail::encode_query_param(text);
}

/// Turns pages until there is no next one: the `name` members of all of them, as compact JSON.
std::vector<std::string> turn_pages(const client& node, const std::string& target,
                                    const std::string& name) {
  std::vector<std::string> pages;
  for (std::string after; pages.size() < 100;) {
    const auto page = node.get(target + after);
    EXPECT_EQ(page.status, 200) << page.body;
    pages.push_back(page.member(name));
    const auto value = page.json();
    const auto* object = value.if_object();
    const auto* next = object ? object->if_contains("next") : nullptr;
    if (!next || !next->is_string())
      return pages;
    after = "&after=" + escaped(next->as_string().c_str());
  }
  return pages;
}

/// Two nodes: what is written on the first is read from the second.
class PartialReads : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(nodes_.start());
    const auto writer = nodes_[0].http();
    EXPECT_EQ(writer.post("/sets/fruits", R"({"add": ["pear", "apple", "fr\u00fcchte & co/+"]})")
                  .member("cardinality"),
              "3");
    EXPECT_EQ(writer.post("/sets/fruits", R"({"remove": ["apple"], "add": ["fig"]})").status, 200);
    for (const auto* key : {"visitors", "visits", "a%2Fb%26c"})
      EXPECT_EQ(writer.post("/counters/" + std::string{key}, R"({"increment": 1})").status, 200);
    EXPECT_EQ(writer.put("/registers/visitors", R"({"value": 1})").status, 200);
    ASSERT_TRUE(eventually([&]() -> AssertionResult {
      const auto keys = reader().get("/keys").member("keys");
      return std::count(keys.begin(), keys.end(), '{') == 5 ? AssertionSuccess()
                                                            : AssertionFailure() << keys;
    }));
    ASSERT_TRUE(comes_to_show(nodes_[1], "/sets/fruits", R"(["fig","früchte & co/+","pear"])"));
  }

  client reader() { return nodes_[1].http(); }

  cluster nodes_{2};
};

TEST_F(PartialReads, PagesOfASetAddUpToTheWhole) {
  EXPECT_EQ(turn_pages(reader(), "/sets/fruits?limit=1", "values"),
            (std::vector<std::string>{R"(["fig"])", R"(["früchte & co/+"])", R"(["pear"])"}));
  EXPECT_EQ(turn_pages(reader(), "/sets/fruits?limit=2", "values"),
            (std::vector<std::string>{R"(["fig","früchte & co/+"])", R"(["pear"])"}));
  EXPECT_EQ(turn_pages(reader(), "/sets/fruits?limit=3", "values").size(), 1U);

  const auto page = reader().get("/sets/fruits?after=grape");
  EXPECT_EQ(page.member("values"), R"(["pear"])");
  EXPECT_EQ(page.member("next"), "null");
  EXPECT_EQ(page.member("cardinality"), "3");
  EXPECT_EQ(reader().context("/sets/fruits?limit=1", "fig"),
            reader().context("/sets/fruits", "fig"));
}

TEST_F(PartialReads, PagesGoOnBehindElementsThatFitIntoNoUrl) {
  const std::string tail(60'000, 'x');
  ASSERT_EQ(reader()
                .post("/sets/long", R"({"add": ["a)" + tail + R"(", "b)" + tail + R"(", "c"]})")
                .status,
            200);

  EXPECT_EQ(turn_pages(reader(), "/sets/long?limit=1", "values"),
            (std::vector<std::string>{"[\"a" + tail + "\"]", "[\"b" + tail + "\"]", "[\"c\"]"}));
}

TEST_F(PartialReads, MembersAreShownWhetherTheyAreThereOrNot) {
  const auto there = reader().get("/sets/fruits/members/fr%C3%BCchte%20%26%20co%2F+");
  EXPECT_EQ(there.status, 200);
  EXPECT_EQ(there.member("member"), "früchte & co/+");
  EXPECT_EQ(there.member("present"), "true");
  EXPECT_EQ(there.member("cardinality"), "3");

  for (const auto* name : {"apple", "never"}) { // removed, and never added
    const auto absent = reader().get("/sets/fruits/members/" + std::string{name});
    EXPECT_EQ(absent.status, 200);
    EXPECT_EQ(absent.member("present"), "false");
    EXPECT_NE(absent.member("context"), "");
  }
}

TEST_F(PartialReads, ContextOfAMemberRemovesIt) {
  const auto context = reader().get("/sets/fruits/members/fig").member("context");

  const auto removed = reader().post(
      "/sets/fruits", R"({"remove": ["fig"], "contexts": {"fig": ")" + context + "\"}}");

  EXPECT_EQ(removed.member("cardinality"), "2") << removed.body;
  EXPECT_EQ(reader().get("/sets/fruits/members/fig").member("present"), "false");
}

TEST_F(PartialReads, KeysAreListedInOrderOfTypeAndName) {
  const std::string odd = R"({"type":"counter","key":"a/b&c"})";
  const std::string visitors = R"({"type":"counter","key":"visitors"})";
  const std::string visits = R"({"type":"counter","key":"visits"})";
  const std::string other = R"({"type":"register","key":"visitors"})";
  const std::string fruits = R"({"type":"set","key":"fruits"})";
  const auto array = [](const std::vector<std::string>& keys) {
    std::string result;
    for (const auto& key : keys)
      result += (result.empty() ? "" : ",") + key;
    return "[" + result + "]";
  };
  const auto listed = [&](const std::string& query) {
    return reader().get("/keys" + query).member("keys");
  };

  EXPECT_EQ(listed(""), array({odd, visitors, visits, other, fruits}));
  EXPECT_EQ(listed("?type=counter"), array({odd, visitors, visits}));
  EXPECT_EQ(listed("?prefix=visit"), array({visitors, visits, other}));
  EXPECT_EQ(listed("?after=counter/w"), array({other, fruits}));
  EXPECT_EQ(listed("?type=register&prefix=x"), "[]");
  EXPECT_EQ(turn_pages(reader(), "/keys?limit=1", "keys"),
            (std::vector<std::string>{array({odd}), array({visitors}), array({visits}),
                                      array({other}), array({fruits})}));
  EXPECT_EQ(turn_pages(reader(), "/keys?type=counter&limit=2", "keys"),
            (std::vector<std::string>{array({odd, visitors}), array({visits})}));
}

TEST_F(PartialReads, HeadAndOptionsWorkOnTheirPaths) {
  for (const auto* target : {"/keys?limit=2", "/sets/fruits?limit=2", "/sets/fruits/members/fig"}) {
    const auto head = reader().send("HEAD", target);
    EXPECT_EQ(head.status, 200) << target;
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.header("Content-Length"), reader().get(target).header("Content-Length"));
    EXPECT_EQ(reader().send("OPTIONS", target).status, 204) << target;
  }
  EXPECT_EQ(reader().send("OPTIONS", "/keys").header("Allow"), "GET, HEAD, OPTIONS");
}

TEST(Contexts, MayAllBeHandedBackAndAllBeLeftOut) {
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());
  const auto http = nodes[0].http();
  ASSERT_EQ(http.post("/sets/fruits", R"({"add": ["apple", "banana", "cherry"]})").status, 200);
  const auto whole = http.get("/sets/fruits").json();

  const auto removed =
      http.post("/sets/fruits?contexts=false",
                R"({"remove": ["banana"], "contexts": )" + serialize(whole.at("contexts")) + "}");

  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(removed.body, "{\"cardinality\": 2}\n");
  EXPECT_EQ(http.get("/sets/fruits?contexts=false").body,
            "{\"cardinality\": 2, \"values\": [\"apple\", \"cherry\"]}\n");
}

} // namespace
} // namespace starling::e2e
