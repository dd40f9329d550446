#include "actors/identity.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace starling::actors {
namespace {

using ::testing::HasSubstr;

class Identity : public ::testing::Test {
protected:
  Identity() { std::filesystem::create_directory(folder); }
  ~Identity() override { std::filesystem::remove_all(folder); }

  identity taken() {
    auto result = take_up_identity(path);
    if (const auto* failure = std::get_if<std::string>(&result)) {
      ADD_FAILURE() << *failure;
      return {};
    }
    return std::get<identity>(result);
  }

  std::string refused() {
    const auto result = take_up_identity(path);
    const auto* failure = std::get_if<std::string>(&result);
    EXPECT_TRUE(failure) << "it was taken up";
    return failure ? *failure : "";
  }

  void write(const std::string& text) { std::ofstream{path, std::ios::binary} << text; }

  std::string text() {
    std::ostringstream result;
    result << std::ifstream{path}.rdbuf();
    return result.str();
  }

  const std::filesystem::path folder = std::filesystem::path{::testing::TempDir()} /
                                       ("starling_identity_" + std::to_string(::getpid()));
  const std::string path = folder / "identity";
};

TEST_F(Identity, IsDrawnAnewWithoutAFile) {
  const auto one = draw_identity();
  const auto two = draw_identity();

  EXPECT_NE(one.node, two.node);
  EXPECT_NE(one.session, two.session);
  EXPECT_NE(one.replica, two.replica);
  EXPECT_LE(one.started, two.started);
  EXPECT_EQ(one.generation, one.started);
}

TEST_F(Identity, GoesOnInTheNextLife) {
  const auto first = taken();
  const auto second = taken();

  EXPECT_EQ(second.node, first.node);
  EXPECT_GT(second.generation, first.generation);
  EXPECT_NE(second.session, first.session);
  EXPECT_NE(second.replica, first.replica) << "no event number is used twice";
}

TEST_F(Identity, IsAboveTheLastLifeEvenIfTheClockWasSetBack) {
  const std::string node = "000102030405060708090a0b0c0d0e0f";
  write("starling identity 1\nnode " + node + "\ngeneration 4000000000000\n");

  const auto next = taken();

  EXPECT_EQ(to_string(next.node), node);
  EXPECT_EQ(next.generation, 4000000000001u);
  EXPECT_EQ(text(), "starling identity 1\nnode " + node + "\ngeneration 4000000000001\n");
}

TEST_F(Identity, IsForTheOwnersEyesAndLeavesNoDraftBehind) {
  taken();

  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator{folder})
    ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(Identity, IsNotTakenFromAFileThatIsNone) {
  taken();
  const auto good = text();
  for (const auto& bad :
       {std::string{}, std::string{"garbage"}, good.substr(0, good.size() - 1), good + "x",
        good + good, "x" + good, std::string(1000, '0'),
        std::string{"starling identity 2\n"} + good.substr(20),
        std::string{"starling identity 1\nnode 0001\ngeneration 1\n"},
        std::string{"starling identity 1\nnode 00000000000000000000000000000000\ngeneration 1\n"},
        std::string{"starling identity 1\nnode 000102030405060708090a0b0c0d0e0f\ngeneration\n"},
        std::string{"starling identity 1\nnode 000102030405060708090a0b0c0d0e0f\ngeneration -1\n"},
        std::string{"starling identity 1\nnode 000102030405060708090a0b0c0d0e0f\n"
                    "generation 99999999999999999999\n"}}) {
    SCOPED_TRACE(bad);
    write(bad);
    EXPECT_THAT(refused(), HasSubstr(path + " is no identity file"));
    EXPECT_EQ(text(), bad) << "it is left as it was";
  }
}

TEST_F(Identity, SaysWhyAFileCannotBeReadOrWritten) {
  const std::string missing = folder / "nowhere" / "identity";
  const auto nowhere = take_up_identity(missing);
  EXPECT_THAT(std::get<std::string>(nowhere), HasSubstr("cannot write " + missing));

  const auto directory = take_up_identity(folder);
  EXPECT_THAT(std::get<std::string>(directory), HasSubstr("cannot read " + folder.string()));
}

TEST_F(Identity, IsLookedUpWithoutAChangeOfItsFile) {
  const auto first = taken();
  const auto before = text();
  const auto found = look_up_identity(path);
  ASSERT_TRUE(std::holds_alternative<identity>(found));
  EXPECT_EQ(std::get<identity>(found).node, first.node);
  EXPECT_GT(std::get<identity>(found).generation, first.generation);
  EXPECT_EQ(text(), before);
}

TEST_F(Identity, IsNotDrawnWhereItIsOnlyLookedUp) {
  EXPECT_TRUE(std::holds_alternative<std::string>(look_up_identity(path)));
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
} // namespace starling::actors
