import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { checkRole, privilegesOf, rolesOf, type RoleName } from "../security/roles.ts";
import { MECHANISMS, type Mechanism } from "../security/scram.ts";
import { credentialsOf, newUser, userId, type User } from "../security/users.ts";
import { subDocumentOf, type Command, type CommandContext } from "./command.ts";

/** The name that the command's first field gives. */
function userName(context: CommandContext): string {
  const name = Object.values(context.body)[0] as unknown;
  if (typeof name !== "string") throw new CommandFailure("TypeMismatch", "The name of a user must be text");
  if (name === "") throw new CommandFailure("BadValue", "Username cannot be empty");
  return name;
}

function rolesGiven(context: CommandContext): RoleName[] {
  const { roles } = context.body;
  const command = Object.keys(context.body)[0] as string;
  if (roles === undefined) throw new CommandFailure("Location40414", `BSON field '${command}.roles' is missing but a required field`);
  if (!Array.isArray(roles))
    throw new CommandFailure("TypeMismatch", `BSON field '${command}.roles' is the wrong type, expected type 'array'`);
  return (roles as unknown[]).map((role) => checkRole(role, context.database));
}

function mechanismsGiven(context: CommandContext): readonly Mechanism[] | undefined {
  const { mechanisms } = context.body;
  if (mechanisms === undefined) return undefined;
  if (!Array.isArray(mechanisms) || mechanisms.length === 0) throw new CommandFailure("BadValue", '"mechanisms" field must not be empty');
  return (mechanisms as unknown[]).map((given) => {
    const mechanism = MECHANISMS.find((one) => one === given);
    if (!mechanism) throw new CommandFailure("BadValue", `Unknown auth mechanism '${String(given)}'`);
    return mechanism;
  });
}

async function keysOf(context: CommandContext, name: string, mechanisms: readonly Mechanism[] | undefined): Promise<User["credentials"]> {
  const { pwd, digestPassword } = context.body;
  if (typeof pwd !== "string") throw new CommandFailure("TypeMismatch", "The field 'pwd' must be text");
  if (pwd === "") throw new CommandFailure("BadValue", "Password cannot be empty");
  return await credentialsOf(name, pwd, mechanisms ?? (digestPassword === false ? ["SCRAM-SHA-1"] : MECHANISMS), digestPassword === false);
}

function known(context: CommandContext, name: string): User {
  const user = context.state.users.find(userId(context.database, name));
  if (!user) throw new CommandFailure("UserNotFound", `User '${name}@${context.database}' not found`);
  return user;
}

/** A change of users is on the disk before it is answered. */
function change<T>(context: CommandContext, job: () => T): Promise<T> {
  return context.state.file.write(job, { sync: true });
}

const createUser: Command = {
  name: "createUser",
  run: async (context) => {
    const { users } = context.state;
    const name = userName(context);
    if (context.body.pwd === undefined)
      throw new CommandFailure(
        "BadValue",
        "Must provide a 'pwd' field for all user documents, except those with '$external' as the user's source db",
      );
    const roles = rolesGiven(context);
    const mechanisms = mechanismsGiven(context);
    const customData = subDocumentOf(context, "customData");
    const isFree = (): void => {
      if (users.find(userId(context.database, name)))
        throw new CommandFailure("Location51003", `User "${name}@${context.database}" already exists`);
    };
    isFree();
    const credentials = await keysOf(context, name, mechanisms);
    await change(context, () => {
      isFree();
      users.put(newUser(context.database, name, credentials, roles, customData));
    });
    return { ok: 1 };
  },
};

const updateUser: Command = {
  name: "updateUser",
  run: async (context) => {
    const { body } = context;
    const name = userName(context);
    if (["pwd", "roles", "customData", "mechanisms"].every((field) => body[field] === undefined))
      throw new CommandFailure("BadValue", "Must specify at least one field to update in updateUser");
    const before = known(context, name);
    const mechanisms = mechanismsGiven(context);
    if (mechanisms?.some((mechanism) => before.credentials[mechanism] === undefined) && body.pwd === undefined)
      throw new CommandFailure("BadValue", "mechanisms field must be a subset of previously set mechanisms");
    const kept = mechanisms ? Object.fromEntries(mechanisms.map((one) => [one, before.credentials[one]])) : before.credentials;
    const credentials = body.pwd === undefined ? kept : await keysOf(context, name, mechanisms);
    const roles = body.roles === undefined ? undefined : rolesGiven(context);
    const customData = subDocumentOf(context, "customData");
    await change(context, () => {
      const now = known(context, name);
      context.state.users.put(newUser(now.database, name, credentials, roles ?? now.roles, customData ?? now.customData, now.uuid));
    });
    return { ok: 1 };
  },
};

const dropUser: Command = {
  name: "dropUser",
  run: async (context) => {
    const name = userName(context);
    await change(context, () => {
      known(context, name);
      context.state.users.remove(userId(context.database, name));
    });
    return { ok: 1 };
  },
};

const dropAllUsersFromDatabase: Command = {
  name: "dropAllUsersFromDatabase",
  run: async (context) => {
    const { users } = context.state;
    const n = await change(context, () => {
      const gone = users.all().filter((user) => user.database === context.database);
      for (const user of gone) users.remove(userId(user.database, user.name));
      return gone.length;
    });
    return { n, ok: 1 };
  },
};

function changeRoles(name: string, next: (held: readonly RoleName[], given: readonly RoleName[]) => readonly RoleName[]): Command {
  return {
    name,
    run: async (context) => {
      const user = userName(context);
      const given = rolesGiven(context);
      await change(context, () => {
        const now = known(context, user);
        context.state.users.put({ ...now, roles: next(now.roles, given) });
      });
      return { ok: 1 };
    },
  };
}

const isSame = (one: RoleName, other: RoleName): boolean => one.role === other.role && one.db === other.db;

const grantRoles = changeRoles("grantRolesToUser", (held, given) => [
  ...held,
  ...given.filter((role) => !held.some((own) => isSame(own, role))),
]);
const revokeRoles = changeRoles("revokeRolesFromUser", (held, given) => held.filter((own) => !given.some((role) => isSame(own, role))));

const usersInfo: Command = {
  name: "usersInfo",
  run: (context) => {
    const asked = context.body.usersInfo as unknown;
    const all = context.state.users.all();
    const isAsked = (one: unknown, user: User): boolean => {
      if (typeof one === "string") return user.name === one && user.database === context.database;
      const { user: name, db } = (one ?? {}) as Document;
      return user.name === name && user.database === (db ?? context.database);
    };
    const chosen = all.filter((user) => {
      if (Array.isArray(asked)) return asked.some((one) => isAsked(one, user));
      if (typeof asked === "object" && asked !== null && (asked as Document).forAllDBs === true) return true;
      return typeof asked === "number" ? user.database === context.database : isAsked(asked, user);
    });
    return { users: chosen.map((user) => describe(user, context.body)), ok: 1 };
  },
};

function describe(user: User, asked: Document): Document {
  return {
    _id: userId(user.database, user.name),
    userId: user.uuid,
    user: user.name,
    db: user.database,
    ...(asked.showCredentials === true ? { credentials: user.credentials } : {}),
    ...(user.customData && asked.showCustomData !== false ? { customData: user.customData } : {}),
    roles: user.roles,
    ...(asked.showPrivileges === true ? { inheritedRoles: user.roles, inheritedPrivileges: user.roles.flatMap(privilegesOf) } : {}),
    mechanisms: Object.keys(user.credentials),
  };
}

const rolesInfo: Command = {
  name: "rolesInfo",
  run: (context) => {
    const asked = context.body.rolesInfo as unknown;
    const list = Array.isArray(asked) ? (asked as unknown[]) : [asked];
    const named =
      typeof asked === "number"
        ? context.body.showBuiltinRoles === true
          ? rolesOf(context.database)
          : []
        : list.flatMap((one) => find(one));
    function find(one: unknown): RoleName[] {
      try {
        return [checkRole(one, context.database)];
      } catch {
        return [];
      }
    }
    const roles = named.map((role) => ({
      ...role,
      isBuiltin: true,
      roles: [],
      inheritedRoles: [],
      ...(context.body.showPrivileges === true ? { privileges: privilegesOf(role), inheritedPrivileges: privilegesOf(role) } : {}),
    }));
    return { roles, ok: 1 };
  },
};

const refusedRoles = ["createRole", "updateRole", "dropRole", "grantPrivilegesToRole", "revokePrivilegesFromRole", "grantRolesToRole"].map(
  (name): Command => ({
    name,
    run: () => {
      throw new CommandFailure(
        "CommandNotSupported",
        "This development server has MongoDB's built-in roles alone; give a user one of them",
      );
    },
  }),
);

export const userCommands: readonly Command[] = [
  createUser,
  updateUser,
  dropUser,
  dropAllUsersFromDatabase,
  grantRoles,
  revokeRoles,
  usersInfo,
  rolesInfo,
  ...refusedRoles,
];
