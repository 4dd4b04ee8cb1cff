// Runs once, while the data folder is new: the user of the labs may read and write the labs' databases, and nothing else.
const password = process.env.STREAMLAB_MONGO_LAB_PASSWORD;
const databases = (process.env.STREAMLAB_MONGO_DATABASES ?? "").split(",").filter((name) => name !== "");
if (!password || databases.length === 0) throw new Error("STREAMLAB_MONGO_LAB_PASSWORD or STREAMLAB_MONGO_DATABASES is empty");

db.getSiblingDB("admin").createUser({
  user: "lab",
  pwd: password,
  roles: databases.flatMap((name) => [
    { role: "readWrite", db: name },
    { role: "dbAdmin", db: name },
  ]),
  mechanisms: ["SCRAM-SHA-256"],
});
