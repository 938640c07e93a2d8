#include "adapters/sqlite/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "adapters/sqlite/catalog.h"

namespace rehome::sqlite {
namespace {

constexpr Millis kPollInterval{20};

ChangePosition PositionAt(std::int64_t seq) {
  return {std::to_string(seq)};
}

Result<std::int64_t> ParsePosition(const ChangePosition& position) {
  std::int64_t seq = 0;
  const char* end = position.token.data() + position.token.size();
  const auto [stop, error] = std::from_chars(position.token.data(), end, seq);
  if (error != std::errc{} || stop != end || seq < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` is no position of a SQLite change feed", position.token));
  }
  return seq;
}

Result<std::int64_t> Newest(Connection& connection) {
  return connection.ReadInt(R"(SELECT coalesce(max(seq), 0) FROM "$:feed")");
}

/// Whether the rows begin where pruning ended. Otherwise another program deleted some, and numbers
/// may have been given twice.
Result<bool> IsWhole(Connection& connection) {
  REHOME_TRY_ASSIGN(
      const std::int64_t whole,
      connection.ReadInt(
          R"(SELECT coalesce((SELECT min(seq) FROM "$:feed"), 1) = upto + 1 FROM "$:feed_pruned")"));
  return whole != 0;
}

/// A position is lost if rows after it are gone, or if the file is an older one than the
/// position's.
Status RefuseLost(Connection& connection, std::int64_t after) {
  REHOME_TRY_ASSIGN(const std::int64_t pruned,
                    connection.ReadInt(R"(SELECT upto FROM "$:feed_pruned")"));
  REHOME_TRY_ASSIGN(const std::int64_t newest, Newest(connection));
  REHOME_TRY_ASSIGN(const bool whole, IsWhole(connection));
  if (after < pruned || after > newest || !whole) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the change feed's position {} is lost: the feed holds {} to {}", after, pruned,
                    newest),
        "run again with --online --sweep: a new position first, then a digest sweep of both sides");
  }
  return {};
}

/// Numbers go on above every position that was ever released, so that none of those is taken for a
/// present one. The row that holds the number belongs to no collection.
Status StartAnew(Connection& connection) {
  return connection.Execute(R"(
      UPDATE "$:feed_pruned" SET upto = (SELECT max(n) FROM (SELECT upto AS n
        UNION ALL SELECT max(seq) FROM "$:feed" UNION ALL SELECT max(position) FROM "$:feed_owners"));
      DELETE FROM "$:feed";
      INSERT INTO "$:feed" SELECT upto + 1, 0, x'' FROM "$:feed_pruned")");
}

/// The usual pruning. A table is emptied without a look at its rows.
Status KeepNewestAlone(Connection& connection) {
  REHOME_TRY_ASSIGN(
      Statement newest,
      connection.Prepare(R"(SELECT seq, collection, id FROM "$:feed" ORDER BY seq DESC LIMIT 1)"));
  REHOME_TRY_ASSIGN(const bool found, newest.Step());
  CHECK(found);
  const std::int64_t seq = newest.IntAt(0);
  const std::int64_t collection = newest.IntAt(1);
  const std::string id(newest.BlobAt(2));
  newest.Reset();
  REHOME_TRY(connection.Execute(R"(DELETE FROM "$:feed")"));
  REHOME_TRY_ASSIGN(Statement put,
                    connection.Prepare(R"(INSERT INTO "$:feed" VALUES(?1, ?2, ?3))"));
  REHOME_TRY(put.Int(1, seq).Int(2, collection).Blob(3, id).Run());
  return {};
}

}  // namespace

Result<std::unique_ptr<ChangeFeed>> Feed::Open(std::shared_ptr<Connections> connections,
                                               std::vector<std::string> collections, Clock& clock) {
  std::ranges::sort(collections);
  std::string owner;
  for (const std::string& collection : collections) {
    if (!IsFed(collection)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} has no change feed: it is the journal's own", collection));
    }
    owner += fmt::format("{}:{};", collection.size(), collection);
  }
  if (collections.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a change feed needs a collection");
  }
  return std::unique_ptr<ChangeFeed>(
      new Feed(std::move(connections), std::move(collections), std::move(owner), clock));
}

Result<ChangePosition> Feed::Head(const Call& call) {
  REHOME_TRY_ASSIGN(const bool whole, connections_->Read(call, true, IsWhole));
  if (!whole && connections_->writable()) {
    REHOME_TRY(connections_->Write(call, StartAnew));
  }
  REHOME_TRY_ASSIGN(const std::int64_t head, connections_->Read<std::int64_t>(call, 0, Newest));
  REHOME_TRY(Register(head, call));
  return PositionAt(head);
}

Result<ChangeBatch> Feed::Read(const ChangePosition& after, std::size_t count_max, Millis wait,
                               const Call& call) {
  REHOME_TRY_ASSIGN(const std::int64_t from, ParsePosition(after));
  REHOME_TRY(Register(from, call));
  const SteadyTime deadline = clock_.Steady() + wait;
  while (true) {
    REHOME_TRY_ASSIGN(
        auto read,
        connections_->Read(call, std::optional<ChangeBatch>(),
                           [&](Connection& connection) -> Result<std::optional<ChangeBatch>> {
                             return ReadOnce(connection, from, count_max);
                           }));
    if (!read && from > 0) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("the change feed's position {} is lost: its database file is gone", from),
          "put the file back as it was, or correct the plan's documents; nothing was "
          "changed");
    }
    // A file that never was has one position: 0.
    ChangeBatch batch = read ? *std::move(read) : ChangeBatch{{}, PositionAt(0), true};
    const auto rest = std::chrono::ceil<Millis>(deadline - clock_.Steady());
    if (!batch.events.empty() || rest <= Millis{0}) {
      if (batch.caught_up) {
        lap_end_.reset();
      }
      return batch;
    }
    if (!clock_.SleepFor(std::min(rest, kPollInterval), call.stop)) {
      return std::unexpected(Cancelled("the next change came"));
    }
  }
}

Result<ChangeBatch> Feed::ReadOnce(Connection& connection, std::int64_t after,
                                   std::size_t count_max) {
  REHOME_TRY(RefuseLost(connection, after));
  REHOME_TRY_ASSIGN(const std::int64_t newest, Newest(connection));
  REHOME_TRY_ASSIGN(const std::string numbers, NumberList(connection));
  lap_end_ = lap_end_.value_or(newest);
  ChangeBatch batch;
  std::int64_t reached = newest;
  REHOME_TRY_ASSIGN(
      Statement read,
      connection.Prepare(fmt::format(
          R"(SELECT f.seq, c.name, f.id FROM "$:feed" f JOIN "$:collections" c ON c.number = f.collection
         WHERE f.seq > ?1 AND f.collection IN ({}) ORDER BY f.seq LIMIT ?2)",
          numbers)));
  read.Int(1, after).Int(2, static_cast<std::int64_t>(count_max));
  while (true) {
    REHOME_TRY_ASSIGN(const bool row, read.Step());
    if (!row) {
      break;
    }
    Result<Value> id = DecodeId(read.BlobAt(2));
    if (!id) {
      return std::unexpected(
          std::move(id).error().In(fmt::format("change feed entry {}", read.IntAt(0))));
    }
    batch.events.push_back(
        {std::string(read.TextAt(1)), *std::move(id), PositionAt(read.IntAt(0))});
    if (batch.events.size() == count_max) {
      reached = read.IntAt(0);
    }
  }
  batch.position = PositionAt(reached);
  batch.caught_up = reached >= *lap_end_;
  return batch;
}

/// The numbers of the collections that exist or once did: "3,7"; empty: none was ever written.
Result<std::string> Feed::NumberList(Connection& connection) const {
  std::string numbers;
  REHOME_TRY_ASSIGN(Statement find,
                    connection.Prepare(R"(SELECT number FROM "$:collections" WHERE name = ?1)"));
  for (const std::string& collection : collections_) {
    REHOME_TRY_ASSIGN(const bool found, find.Text(1, collection).Step());
    if (found) {
      numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", find.IntAt(0));
    }
    find.Reset();
  }
  return numbers;
}

Status Feed::Register(std::int64_t position, const Call& call) {
  if (registered_ || !connections_->writable()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const bool exists, connections_->Exists());
  if (!exists) {
    return {};  // nothing to prune yet; the next call tries again
  }
  REHOME_TRY_ASSIGN(
      const bool known,
      connections_->Read(call, false, [&](Connection& connection) -> Result<bool> {
        REHOME_TRY_ASSIGN(
            Statement find,
            connection.Prepare(R"(SELECT 1 FROM "$:feed_owners" WHERE collections = ?1)"));
        return find.Text(1, owner_).Step();
      }));
  if (!known) {
    const Status added = connections_->Write(call, [&](Connection& connection) -> Status {
      REHOME_TRY_ASSIGN(
          Statement add,
          connection.Prepare(R"(INSERT OR IGNORE INTO "$:feed_owners" VALUES(?1, ?2))"));
      REHOME_TRY(add.Text(1, owner_).Int(2, position).Run());
      return {};
    });
    REHOME_TRY(added);
  }
  registered_ = true;
  return {};
}

Status Feed::Release(const ChangePosition& position, const Call& call) {
  REHOME_TRY_ASSIGN(const std::int64_t released, ParsePosition(position));
  REHOME_TRY_ASSIGN(const bool exists, connections_->Exists());
  if (!exists) {
    return {};
  }
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(Statement save, connection.Prepare(
                                          R"(INSERT INTO "$:feed_owners" VALUES(?1, ?2)
           ON CONFLICT DO UPDATE SET position = max(position, excluded.position))"));
    REHOME_TRY(save.Text(1, owner_).Int(2, released).Run());
    REHOME_TRY_ASSIGN(const std::int64_t all,
                      connection.ReadInt(R"(SELECT min(position) FROM "$:feed_owners")"));
    REHOME_TRY_ASSIGN(const std::int64_t newest, Newest(connection));
    const std::int64_t upto = std::min(all, newest - 1);
    if (upto <= 0) {
      return {};
    }
    REHOME_TRY(connection.Execute(
        fmt::format(R"(UPDATE "$:feed_pruned" SET upto = max(upto, {}))", upto)));
    return upto == newest - 1
               ? KeepNewestAlone(connection)
               : connection.Execute(fmt::format(R"(DELETE FROM "$:feed" WHERE seq <= {})", upto));
  });
}

}  // namespace rehome::sqlite
