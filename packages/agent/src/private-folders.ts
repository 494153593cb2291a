// The folders of which every sandbox has its own.

const privateFolders = ['/tmp', '/dev/shm'];

/** @returns the private folder that hides an absolute path of the machine from members, if one does */
export const hidingFolder = (path: string): string | undefined =>
  privateFolders.find((folder) => path === folder || path.startsWith(`${folder}/`));
