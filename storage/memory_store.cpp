#include "storage/memory_store.hpp"

#include "storage/layout.hpp"
#include "wire/result.hpp"

namespace starling::storage {

namespace {

void apply(const batch& changes, memory_store::rows& rows) {
  changes.for_each([&](const batch::change& c) {
    const auto found = rows.find(c.name);
    auto value = std::string{c.value.value_or("")};
    if (c.appends) {
      value = appended(c.name, (found != rows.end() ? found->second : "") + value);
      if (value.empty() && found != rows.end())
        rows.erase(found);
      if (value.empty())
        return true;
    }
    if (c.value)
      rows.insert_or_assign(std::string{c.name}, std::move(value));
    else if (found != rows.end())
      rows.erase(found);
    return true;
  });
}

} // namespace

class memory_store::view : public snapshot {
public:
  explicit view(std::shared_ptr<version> shown) : shown_(std::move(shown)) { ++shown_->views; }
  ~view() override { --shown_->views; }
  view(const view&) = delete;
  view& operator=(const view&) = delete;

  wire::result<std::optional<std::string>, failure> find(std::string_view name) const override {
    const auto found = shown_->all.find(name);
    return found == shown_->all.end() ? std::nullopt : std::optional{found->second};
  }

  wire::possible<failure> scan(std::string_view first, std::string_view end,
                               const visitor& see) const override {
    const auto& all = shown_->all;
    for (auto at = all.lower_bound(first); at != all.end() && at->first < end; ++at)
      if (!see(at->first, at->second))
        break;
    return std::nullopt;
  }

private:
  std::shared_ptr<version> shown_;
};

memory_store::memory_store(rows initial) {
  current_->all = std::move(initial);
}

wire::possible<failure> memory_store::commit(const std::vector<batch>& batches, bool) {
  const std::lock_guard guard{mutex_};
  if (broken_)
    return broken_;
  // Not the count of the shared pointer, which does not wait for what others have read. Zero stays
  // zero meanwhile: new views are made under the mutex.
  if (current_->views > 0) {
    auto next = std::make_shared<version>();
    next->all = current_->all;
    current_ = std::move(next);
  }
  for (const auto& one : batches)
    apply(one, current_->all);
  return std::nullopt;
}

wire::possible<failure> memory_store::sync() {
  const std::lock_guard guard{mutex_};
  return broken_;
}

std::unique_ptr<const snapshot> memory_store::now() const {
  const std::lock_guard guard{mutex_};
  return std::make_unique<view>(current_);
}

wire::possible<failure> memory_store::copy_to(const std::string& folder) {
  return failure{trouble::broken, "rows in memory cannot be copied to " + folder};
}

void memory_store::break_down(failure why) {
  const std::lock_guard guard{mutex_};
  broken_ = std::move(why);
}

memory_store::rows memory_store::contents() const {
  const std::lock_guard guard{mutex_};
  return current_->all;
}

} // namespace starling::storage
